//! Loss and noise along the path through a one-dimensional minimum.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, INK, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, Missing};
use crate::record::Record;

pub(super) const LANDSCAPE: Design = Design { name: "landscape", title: "Landscape", when, draw };

const NO_PATH: &str = "only a problem with one parameter and an [escape] section has a path to show";

const STANDARDISED: &str = "parameter of the standardised input";

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(!record.tables.path.is_empty(), NO_PATH)
}

/// `L` and `C` along the path.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let rows = &record.tables.path;
    let missing = || Missing::NoData(NO_PATH);
    let lowest = rows.iter().min_by(|a, b| a.loss.total_cmp(&b.loss)).ok_or_else(missing)?;
    let origin = record.manifest.origin.as_ref();
    let standardised = origin.is_some_and(|origin| !origin.columns.standardised.is_empty());
    let x = if standardised { STANDARDISED } else { "position on the path (parameter)" };
    let x = Axis::fit(x, false, rows.iter().map(|row| row.position));
    let x = x.ok_or_else(missing)?;
    let loss: Vec<_> = rows.iter().map(|row| (row.position, row.loss)).collect();
    let noise: Vec<_> = rows.iter().map(|row| (row.position, row.noise)).collect();
    let geometry = &record.results.geometry;
    let slope = geometry.noise_strength.map(|strength| 2.0 * strength.value * geometry.h_star.value);
    let decoupled: Vec<_> = rows.iter().filter_map(|row| Some((row.position, slope? * row.loss))).collect();
    let y_loss = Axis::fit("loss L", false, loss.iter().map(|p| p.1)).ok_or_else(missing)?;
    let heights = noise.iter().chain(&decoupled).map(|p| p.1).chain([0.0]);
    let y_noise = Axis::fit("noise C (loss² / parameter²)", false, heights).ok_or_else(missing)?.from(0.0);
    let minimum = Kind::Marks(vec![(lowest.position, lowest.loss)], Marker::Circle, 12.0);
    let mut noises = vec![Layer::new("noise of one sample", COLOURS[1], Kind::Line(noise, SOLID))];
    if !decoupled.is_empty() {
        noises.push(Layer::new("2 s L h* (decoupling)", COLOURS[2], Kind::Line(decoupled, DASHED)));
    }
    let panels = vec![
        Panel {
            title: String::new(),
            x: x.clone(),
            y: y_loss,
            layers: vec![Layer::new("loss", COLOURS[0], Kind::Line(loss, SOLID)), Layer::new("minimum", INK, minimum)],
        },
        Panel { title: String::new(), x, y: y_noise, layers: noises },
    ];
    let caption =
        "Loss and variance of one sample's gradient along the path from one way out through the minimum to the \
                   other. Where decoupling holds the noise follows the loss."
            .to_owned();
    Ok(Drawing { caption, panels })
}
