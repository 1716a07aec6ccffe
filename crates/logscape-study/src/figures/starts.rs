//! The probability to escape from a start at a given loss, near a minimum that interpolates.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, Kind, Layer, Marker, Panel};
use super::{Design, Drawing, Missing, PANELS, left_out, number, setting_name};
use crate::record::{Record, SettingRecord, StartEscapeRecord};

pub(super) const STARTS: Design = Design { name: "starts", title: "Escape from a start at a given loss", when, draw };

const NO_STARTS: &str = "only a fit that interpolates, with a region whose boundary has a known loss, has such escapes";

fn escapes(setting: &SettingRecord) -> Option<(&StartEscapeRecord, f64)> {
    let escape = setting.interpolation.as_ref()?.escape.as_ref()?;
    Some((escape, escape.level?))
}

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(record.results.settings.iter().any(|setting| escapes(setting).is_some()), NO_STARTS)
}

/// Probability against `L_0/L_c` per setting, with the predicted slope `α/2` through the point of least relative error.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let asked: Vec<_> = record.results.settings.iter().filter(|setting| escapes(setting).is_some()).collect();
    let panels: Vec<Panel> = asked.iter().filter_map(|setting| panel(setting)).take(PANELS).collect();
    if panels.is_empty() {
        return Err(Missing::NoData("no replica escaped from any start"));
    }
    let caption = format!(
        "Share of the replicas that reach the region's boundary, at the loss L_c, before they collapse, against the loss L₀ of \
         their start, with 95 % intervals. The line has the predicted slope α/2, and goes through the start with most escapes.{}",
        left_out(asked.len() - panels.len(), "no replica escaped from any start, or the figure is full")
    );
    Ok(Drawing { caption, panels })
}

fn panel(setting: &SettingRecord) -> Option<Panel> {
    let (escape, level) = escapes(setting)?;
    let points = escape.starts.iter().filter_map(|start| {
        let p = start.probability.filter(|p| p.value > 0.0)?;
        Some(((start.loss / level).log10(), p.value.log10(), p.ci95.map(f64::log10), start.ends.escaped))
    });
    let points: Vec<_> = points.collect();
    let best = points.iter().max_by_key(|point| point.3)?;
    let x = Axis::fit("loss of the start over that of the boundary", true, points.iter().map(|p| p.0))?;
    let ends = points.iter().flat_map(|point| point.2);
    let y = Axis::fit("probability to escape", true, ends.chain(points.iter().map(|p| p.1)))?;
    let bars = points.iter().map(|point| ((point.0, point.2[0]), (point.0, point.2[1]))).collect();
    let (mut layers, mut title) = (Vec::new(), setting_name(setting));
    if let Some(slope) = &escape.slope_predicted {
        let line = [x.low, x.high].map(|at| (at, best.1 + slope.value * (at - best.0))).to_vec();
        layers.push(Layer::new("slope α/2", COLOURS[1], Kind::Line(line, DASHED)));
        title = format!("{title}, α/2 = {}", number(slope.value));
    }
    layers.push(Layer::plain(COLOURS[0], Kind::Bars(bars)));
    let marks = points.iter().map(|point| (point.0, point.1)).collect();
    layers.push(Layer::new("SGD", COLOURS[0], Kind::Marks(marks, Marker::Circle, 9.0)));
    Some(Panel { title, x, y, layers })
}
