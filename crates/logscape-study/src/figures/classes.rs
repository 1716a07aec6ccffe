//! Where the curvature along leading directions comes from, where targets are classes.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, INK, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, Missing};
use crate::record::{ClassRow, Record};

pub(super) const CLASSES: Design = Design { name: "classes", title: "Levels of classes", when, draw };

const NO_CLASSES: &str = "the targets are no classes, or more than a hundred";

/// The levels, in the order of the columns, with their marks.
const LEVELS: [(&str, usize, Marker); 4] = [
    ("class means", 0, Marker::Circle),
    ("cross-class means", 1, Marker::Square),
    ("within classes", 2, Marker::Triangle),
    ("own class", 3, Marker::Ring),
];

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(record.tables.classes.iter().any(|row| row.shares().is_some()), NO_CLASSES)
}

/// The share of each level in `vᵀGv` against the rank of the direction, and where the outliers end.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let rows: Vec<(f64, &ClassRow, [f64; 4])> =
        record.tables.classes.iter().filter_map(|row| Some((row.rank as f64, row, row.shares()?))).collect();
    let x =
        Axis::fit("rank", false, rows.iter().map(|row| row.0).chain([1.0, 6.0])).ok_or(Missing::NoData(NO_CLASSES))?;
    let y = Axis { label: "share of vᵀGv".to_owned(), log: false, low: 0.0, high: 1.0 };
    let size = if rows.len() > 40 { 6.0 } else { 9.0 };
    let mut layers = Vec::new();
    let outliers = rows.iter().filter(|(_, row, _)| row.outlier).count() as f64;
    if outliers > 0.0 && outliers < rows.len() as f64 {
        let at = outliers + 0.5;
        layers.push(Layer::new("end of the outliers", INK, Kind::Line(vec![(at, 0.0), (at, 1.0)], DASHED)));
    }
    for (level, &(label, colour, marker)) in LEVELS.iter().enumerate() {
        let points: Vec<(f64, f64)> = rows.iter().map(|(rank, _, shares)| (*rank, shares[level])).collect();
        layers.push(Layer::plain(COLOURS[colour], Kind::Line(points.clone(), SOLID)));
        layers.push(Layer::new(label, COLOURS[colour], Kind::Marks(points, marker, size)));
    }
    let caption = "What the curvature of the Gauss–Newton matrix along each leading eigenvector of the Hessian is made of (Papyan, 2019): \
                   the means of the classes, the means of a class and another around them, the samples around those, and the \
                   samples' own classes. The shares add up to one."
        .to_owned();
    Ok(Drawing { caption, panels: vec![Panel { title: String::new(), x, y, layers }] })
}
