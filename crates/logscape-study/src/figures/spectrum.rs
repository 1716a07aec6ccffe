//! Eigenvalues of the Hessian against their rank.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, GREY, INK, Kind, Layer, Marker, Panel};
use super::{Design, Drawing, Missing, number};
use crate::record::Record;
use crate::text::count;

pub(super) const SPECTRUM: Design = Design { name: "spectrum", title: "Spectrum of the Hessian", when, draw };

/// Part of the largest eigenvalue below which an eigenvalue is 0 within rounding.
const ROUNDING: f64 = 1e-12;

const SIZES: &str = "the size of the eigenvalues";

fn when(record: &Record) -> Result<(), Missing> {
    let known = record.tables.spectrum.iter().any(|row| row.eigenvalue != 0.0);
    if known { Ok(()) } else { Err(Missing::NotPositive(SIZES)) }
}

/// Eigenvalues against rank, with outliers, `h*`, and the sizes of negative ones.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let rows = &record.tables.spectrum;
    let few = rows.len() <= 20;
    let largest = rows.iter().map(|row| row.eigenvalue.abs()).fold(0.0, f64::max);
    let zero = |row: &crate::record::SpectrumRow| row.eigenvalue.abs() <= ROUNDING * largest;
    let rank = |rank: u64| if few { rank as f64 } else { (rank as f64).log10() };
    let pick = |keep: &dyn Fn(&crate::record::SpectrumRow) -> bool| -> Vec<(f64, f64)> {
        let kept = rows.iter().filter(|row| keep(row) && !zero(row));
        kept.map(|row| (rank(row.rank), row.eigenvalue.abs().log10())).collect()
    };
    let outliers = pick(&|row| row.outlier && row.eigenvalue > 0.0);
    let bulk = pick(&|row| !row.outlier && row.eigenvalue > 0.0);
    let negative = pick(&|row| row.eigenvalue < 0.0);
    let points = || outliers.iter().chain(&bulk).chain(&negative);
    let h_star = record.results.geometry.h_star.value;
    let heights = points().map(|p| p.1).chain((h_star > 0.0).then(|| h_star.log10()));
    let missing = || Missing::NotPositive(SIZES);
    if points().next().is_none() {
        return Err(missing());
    }
    let x = if few {
        Axis { label: "rank".to_owned(), log: false, low: 0.0, high: (rows.len() as f64 + 1.0).max(6.0) }
    } else {
        Axis::fit("rank", true, points().map(|p| p.0)).ok_or_else(missing)?
    };
    let y = Axis::fit("eigenvalue λ (loss / parameter²)", true, heights).ok_or_else(missing)?;
    let size = if points().count() > 60 { 6.0 } else { 10.0 };
    let mut layers = Vec::new();
    if h_star > 0.0 {
        let line = vec![(x.low, h_star.log10()), (x.high, h_star.log10())];
        layers.push(Layer::new(format!("h* = {}", number(h_star)), INK, Kind::Line(line, DASHED)));
    }
    let groups = [
        ("bulk", bulk, GREY, Marker::Ring),
        ("outliers", outliers, COLOURS[0], Marker::Circle),
        ("negative, as |λ|", negative, COLOURS[1], Marker::Inverted),
    ];
    for (label, points, colour, marker) in groups.into_iter().filter(|group| !group.1.is_empty()) {
        layers.push(Layer::new(label, colour, Kind::Marks(points, marker, size)));
    }
    let geometry = &record.results.geometry;
    let caption = format!(
        "{} of {} at the minimum{}; {} by the rule “{}”. h* is the typical curvature of the outliers.{}",
        rows.len(),
        count(record.results.minimum.parameters, "eigenvalue"),
        if geometry.complete { "" } else { " (ranks count the known ones only)" },
        count(geometry.outliers, "outlier"),
        geometry.outlier_rule,
        match rows.iter().filter(|row| zero(row)).count() {
            0 => String::new(),
            1 => " One that is 0 within rounding (10⁻¹² of the largest) is not drawn.".to_owned(),
            several => format!(" {several} that are 0 within rounding (10⁻¹² of the largest) are not drawn."),
        }
    );
    Ok(Drawing { caption, panels: vec![Panel { title: String::new(), x, y, layers }] })
}
