//! How many replicas are still inside after so many steps.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, Kind, Layer, Panel, SOLID};
use super::{Design, Drawing, Missing, PANELS, left_out, setting_name};
use crate::names::SGD;
use crate::record::{Record, SettingRecord};
use logscape::stats::{Observation, kaplan_meier};
use std::f64::consts::LOG10_E;

pub(super) const SURVIVAL: Design = Design { name: "survival", title: "Survival in the region", when, draw };

fn when(record: &Record) -> Result<(), Missing> {
    let asked = record.results.settings.iter().any(|setting| setting.escape.is_some());
    Missing::unless(asked, "the study has no [escape] section")
}

/// Kaplan–Meier curve with its 95 % band per setting, and the exponential law with the measured mean.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let settings = record.results.settings.iter().enumerate();
    let asked: Vec<_> = settings.filter(|(_, setting)| setting.escape.is_some()).collect();
    let panels: Vec<Panel> =
        asked.iter().filter_map(|(number, setting)| panel(record, *number, setting)).take(PANELS).collect();
    if panels.is_empty() {
        return Err(Missing::NoData("no replica escaped"));
    }
    let caption = format!(
        "Share of replicas that are still inside after so many steps (Kaplan–Meier, with 95 % band), and the exponential \
         law with the measured mean. Escape at a constant rate is a straight line here.{}",
        left_out(asked.len() - panels.len(), "no replica of a direct ensemble escaped, or the figure is full")
    );
    Ok(Drawing { caption, panels })
}

fn panel(record: &Record, number: usize, setting: &SettingRecord) -> Option<Panel> {
    let rows = record.tables.escape_times.iter().filter(|row| row.setting == number as u64 && row.dynamics == SGD);
    let observations: Vec<Observation> =
        rows.map(|row| Observation { time: row.steps as f64, event: row.end != "censored" }).collect();
    let curve = kaplan_meier(&observations);
    curve.first()?;
    let end = observations.iter().map(|seen| seen.time).fold(0.0, f64::max);
    let floor = (0.5 / observations.len() as f64).log10();
    let height = |share: f64| share.log10().max(floor - 1.0);
    let (mut middle, mut lower, mut upper) = (vec![(0.0, 0.0)], vec![(0.0, 0.0)], vec![(0.0, 0.0)]);
    for point in &curve {
        let [low, high] = point.survival.ci95.map(height);
        for (line, next) in [(&mut middle, height(point.survival.value)), (&mut lower, low), (&mut upper, high)] {
            let before = line.last().map_or(0.0, |p: &(f64, f64)| p.1);
            line.extend([(point.time, before), (point.time, next)]);
        }
    }
    for line in [&mut middle, &mut lower, &mut upper] {
        let last = line.last().map_or(0.0, |p| p.1);
        line.push((end, last));
    }
    let lowest = middle.iter().map(|p| p.1).fold(0.0, f64::min).max(floor);
    let x = Axis::fit("steps", false, [0.0, end])?.from(0.0);
    let depth = lowest.min(-0.005);
    let y = Axis { label: "share still inside".to_owned(), log: true, low: 1.05 * depth, high: -0.03 * depth };
    let band = lower.into_iter().chain(upper.into_iter().rev()).collect();
    let mut layers = vec![
        Layer::new("95 % band", COLOURS[0], Kind::Area(band)),
        Layer::new("Kaplan–Meier", COLOURS[0], Kind::Line(middle, SOLID)),
    ];
    let mean = setting.escape.as_ref().and_then(|escape| escape.measured.mean_steps);
    if let Some(mean) = mean.filter(|mean| mean.value > 0.0) {
        let line = vec![(0.0, 0.0), (x.high, -x.high / mean.value * LOG10_E)];
        layers.push(Layer::new("exponential", COLOURS[1], Kind::Line(line, DASHED)));
    }
    Some(Panel { title: setting_name(setting), x, y, layers })
}
