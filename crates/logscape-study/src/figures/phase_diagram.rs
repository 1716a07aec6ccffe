//! Mean escape times over learning rates and batch sizes, with the lines at which a minimum stops to hold SGD.

use super::axis::Axis;
use super::colour::colour;
use super::contour::Field;
use super::plot::{COLOURS, DASH_DOT, DASHED, DOTTED, INK, Kind, Layer, Marker, Panel, Point, SOLID};
use super::{Design, Drawing, Missing, number};
use crate::record::{PhaseRow, Record, SettingRecord};
use crate::stages::{CRITICAL_DIMENSION, GROWTH, STEPS, grid_of};

pub(super) const PHASE_DIAGRAM: Design = Design { name: "phase-diagram", title: "Phase diagram", when, draw };

/// Decades beyond the measured ones that the scale of colours may reach for the sake of predictions.
const BEYOND: f64 = 2.0;

const NO_PLANE: &str = "it needs escape times over two learning rates and two batch sizes or more";

fn when(record: &Record) -> Result<(), Missing> {
    let measured = record.results.settings.iter().any(|setting| Measured::new(setting).is_some());
    Missing::unless(measured && !record.tables.phase_diagram.is_empty(), NO_PLANE)
}

/// Measured mean escape steps of each setting by colour, contours of the predicted ones, and the lines of stability, of the
/// critical dimension and of one escape in a training run.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let missing = || Missing::NoData(NO_PLANE);
    let (rows, settings) = (&record.tables.phase_diagram, &record.results.settings);
    let points: Vec<_> = settings.iter().filter_map(Measured::new).collect();
    let x = Axis::fit("learning rate η (parameter² / loss)", true, rows.iter().map(|row| row.learning_rate.log10()))
        .ok_or_else(missing)?;
    let y = Axis::fit("batch size B (samples)", true, rows.iter().map(|row| (row.batch_size as f64).log10()));
    let y = y.ok_or_else(missing)?;
    let theory = rows.iter().find(|row| row.quantity == STEPS).map(|row| row.theory.clone());
    let predicted = field(rows, STEPS);
    let heights = || points.iter().map(|point| point.log10);
    let (low, high) = (heights().fold(f64::INFINITY, f64::min).floor(), heights().fold(f64::NEG_INFINITY, f64::max));
    let most = predicted.z.iter().flatten().flatten().copied().fold(high, f64::max);
    let high = high.max(most.min(high + BEYOND)).ceil().max(low + 1.0);
    let shade = |log10: f64| colour((log10 - low) / (high - low));
    let mut layers = vec![Layer::new("mean escape steps", INK, Kind::Scale([low, high]))];
    if let Some(theory) = &theory {
        let step = ((high - low) / 8.0).ceil();
        let levels = (0..=((high - low) / step) as usize).map(|k| low + k as f64 * step);
        for line in levels.flat_map(|level| predicted.contours(level).into_iter().map(move |line| (level, line))) {
            layers.push(Layer::plain(shade(line.0), Kind::Line(line.1, SOLID)));
        }
        let label = format!("{theory}, {}", decades(step));
        layers.push(Layer::new(label, shade(0.5 * (low + high)), Kind::Line(Vec::new(), SOLID)));
    }
    let mut outside = Vec::new();
    let mut lines = |label: String, style: (usize, super::plot::Dash), lines: Vec<Vec<Point>>| {
        if lines.is_empty() {
            outside.push(label);
        } else {
            for (k, line) in lines.into_iter().enumerate() {
                let kind = Kind::Line(line, style.1);
                let ink = if style.0 == 0 { INK } else { COLOURS[style.0] };
                layers.push(if k == 0 { Layer::new(label.clone(), ink, kind) } else { Layer::plain(ink, kind) });
            }
        }
    };
    let stable = record.results.geometry.eigenvalues.first().map(|sharpest| (2.0 / sharpest).log10());
    let inside = stable.filter(|at| x.low <= *at && *at <= x.high);
    lines(
        "η λ_max = 2".to_owned(),
        (1, DASHED),
        inside.map(|at| vec![(at, y.low), (at, y.high)]).into_iter().collect(),
    );
    lines("mean-square stability".to_owned(), (3, DASH_DOT), field(rows, GROWTH).contours(1.0));
    let outliers = record.results.geometry.outliers;
    lines("n = n_c".to_owned(), (2, DOTTED), field(rows, CRITICAL_DIMENSION).contours(outliers as f64));
    if let Some(steps) = record.study.escape.as_ref().map(crate::asked::EscapeTable::steps_of_training) {
        let level = (steps as f64).log10();
        let measured = interpolated(settings).map_or_else(Vec::new, |measured| measured.contours(level));
        let words = |source: &str| format!("one escape in {} steps, {source}", number(steps as f64));
        match &theory {
            _ if !measured.is_empty() => lines(words("measured"), (0, SOLID), measured),
            Some(theory) => lines(words(theory), (0, SOLID), predicted.contours(level)),
            None => lines(words("measured"), (0, SOLID), measured),
        }
    }
    for point in &points {
        let place = vec![point.at];
        if point.bound {
            layers.push(Layer::plain(shade(point.log10), Kind::Marks(place, Marker::Up, 18.0)));
        } else {
            layers.push(Layer::plain(shade(point.log10), Kind::Marks(place.clone(), Marker::Circle, 18.0)));
            layers.push(Layer::plain(INK, Kind::Marks(place, Marker::Ring, 18.0)));
        }
    }
    if points.iter().any(|point| point.bound) {
        layers.push(Layer::new("lower bound", INK, Kind::Marks(Vec::new(), Marker::Up, 14.0)));
    }
    let outside = match outside.len() {
        0 => String::new(),
        _ => format!(" Outside of the picture: {}.", outside.join(", ")),
    };
    let caption = format!(
        "Mean escape time of each setting by colour (measured lines are interpolated between settings); open triangles are lower bounds, where the mean is not known. {}Beyond the line n = n_c the {outliers} outliers are more than a \
         stationary law can hold (measured noise strength); beyond those of stability the minimum repels SGD.{outside}",
        theory.map_or_else(String::new, |theory| chosen(record, &theory)),
    );
    Ok(Drawing { caption, panels: vec![Panel { title: String::new(), x, y, layers }] })
}

fn decades(step: f64) -> String {
    if step == 1.0 { "every decade".to_owned() } else { format!("every {step} decades") }
}

/// Why the contours are of this theory.
fn chosen(record: &Record, theory: &str) -> String {
    let settings = record.results.settings.iter().filter_map(|setting| setting.escape.as_ref());
    let (trusted, all) = settings.fold((0, 0), |(trusted, all), escape| {
        (trusted + usize::from(escape.verdict.trusted.as_deref() == Some(theory)), all + 1)
    });
    if trusted == 0 {
        format!("Contours are predictions of {theory}, the nearest in most settings, though it holds in none. ")
    } else {
        format!("Contours are predictions of {theory}, which is trusted in {trusted} of {all} settings. ")
    }
}

/// `log10` of a setting's mean steps, or of its lower bound.
struct Measured {
    at: Point,
    log10: f64,
    bound: bool,
}

impl Measured {
    fn new(setting: &SettingRecord) -> Option<Self> {
        let measured = &setting.escape.as_ref()?.measured;
        let at = (setting.sgd.learning_rate.log10(), (setting.sgd.batch_size as f64).log10());
        let (log10, bound) = match measured.log10_mean_steps {
            Some(steps) => (steps.value, false),
            None => (measured.mean_steps_lower_bound?.log10(), true),
        };
        log10.is_finite().then_some(Self { at, log10, bound })
    }
}

/// A quantity of the table on its grid.
fn field(rows: &[PhaseRow], quantity: &str) -> Field {
    let (rates, batches) = grid_of(rows.iter().map(|row| (row.learning_rate, row.batch_size)));
    let mut z = vec![vec![None; batches.len()]; rates.len()];
    for row in rows.iter().filter(|row| row.quantity == quantity) {
        let i = rates.iter().position(|x| *x == row.learning_rate);
        let j = batches.iter().position(|b| *b == row.batch_size);
        if let (Some(i), Some(j)) = (i, j) {
            z[i][j] = Some(row.value);
        }
    }
    let log = |b: &u64| (*b as f64).log10();
    Field { x: rates.iter().map(|x| x.log10()).collect(), y: batches.iter().map(log).collect(), z }
}

/// The measured means on the study's grid; none where one of them is missing.
fn interpolated(settings: &[SettingRecord]) -> Option<Field> {
    let place = |setting: &SettingRecord| (setting.sgd.learning_rate, setting.sgd.batch_size as u64);
    let (rates, batches) = grid_of(settings.iter().map(place));
    let at = |rate: f64, batch: u64| {
        let setting = settings.iter().find(|setting| place(setting) == (rate, batch))?;
        Some(Some(setting.escape.as_ref()?.measured.log10_mean_steps?.value))
    };
    let z: Option<Vec<Vec<_>>> = rates.iter().map(|&x| batches.iter().map(|&b| at(x, b)).collect()).collect();
    let log = |b: &u64| (*b as f64).log10();
    Some(Field { x: rates.iter().map(|x| x.log10()).collect(), y: batches.iter().map(log).collect(), z: z? })
}
