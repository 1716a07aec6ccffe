//! Loss and noise along the minimum-energy path over each saddle.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, INK, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, Missing, PANELS, left_out, number};
use crate::record::{EnergyPathRow, Record};

pub(super) const ENERGY_PATHS: Design = Design { name: "energy-paths", title: "Paths over the saddles", when, draw };

const NO_PATH: &str = "only a study that looks for saddles in several dimensions has such paths";

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(!record.tables.energy_paths.is_empty(), NO_PATH)
}

/// Loss along the path from the minimum over each saddle to the minimum beyond, and noise along its tangent.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let missing = || Missing::NoData(NO_PATH);
    let found = record.results.saddles.as_ref().map_or(&[][..], |saddles| &saddles.found);
    let mut panels = Vec::new();
    for (saddle, k) in found.iter().zip(0_u64..).take(PANELS / 2) {
        let rows: Vec<&EnergyPathRow> = record.tables.energy_paths.iter().filter(|row| row.saddle == k).collect();
        let points = |value: fn(&EnergyPathRow) -> f64| rows.iter().map(|row| (row.position, value(row))).collect();
        let (loss, noise): (Vec<_>, Vec<_>) = (points(|row| row.loss), points(|row| row.noise));
        let Some(&top) = loss.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        let x =
            Axis::fit("distance along the path (parameter)", false, loss.iter().map(|p| p.0)).ok_or_else(missing)?;
        let heights = loss.iter().map(|p| p.1);
        let y = Axis::fit("loss L", false, heights).ok_or_else(missing)?;
        let ends: Vec<_> = [loss.first(), loss.last()].into_iter().flatten().copied().collect();
        panels.push(Panel {
            title: format!("saddle {k}, ΔL = {}", number(saddle.barrier)),
            x: x.clone(),
            y,
            layers: vec![
                Layer::new("loss", COLOURS[0], Kind::Line(loss, SOLID)),
                Layer::new("minima", INK, Kind::Marks(ends, Marker::Circle, 12.0)),
                Layer::new("saddle", COLOURS[1], Kind::Marks(vec![top], Marker::Triangle, 14.0)),
            ],
        });
        let y = Axis::fit("noise C (loss² / parameter²)", false, noise.iter().map(|p| p.1).chain([0.0]));
        panels.push(Panel {
            title: String::new(),
            x,
            y: y.ok_or_else(missing)?.from(0.0),
            layers: vec![Layer::new("noise of one sample", COLOURS[1], Kind::Line(noise, DASHED))],
        });
    }
    if panels.is_empty() {
        return Err(missing());
    }
    let caption = format!(
        "Loss along the minimum-energy path from the minimum over each saddle to the minimum beyond, and the variance of one \
         sample's gradient along the path.{}",
        left_out(found.len() - panels.len() / 2, "the figure is full")
    );
    Ok(Drawing { caption, panels })
}
