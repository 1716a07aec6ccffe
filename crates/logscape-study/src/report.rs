//! The pages of a record: its figures, and `report.html`, one file that needs no other and no network.

mod saddles;
mod verdict;

use crate::asked::{EscapeMethod, FigureFormat, ProblemTable, RegionText};
use crate::figures::{self, Missing, Outcome, number};
use crate::record::{
    CommittedRecord, EscapeRecord, MeasuredRecord, Record, RecordError, SettingRecord, StationaryRecord, write_pages,
};
use logscape::Estimate;
use logscape::dynamics;
use logscape::ensemble::COMMITTED;
use minijinja::{Environment, UndefinedBehavior, context};
use saddles::SaddlesView;
use serde::Serialize;
use std::io;
use std::path::Path;
use verdict::{VerdictView, typeset};

const TEMPLATE: &str = include_str!("report.html");
/// Distance of shape below which `C ∝ H` is called close, and below which it is called rough.
const CLOSE: [f64; 2] = [0.1, 0.3];

/// The pages of a record as path within its folder and text.
///
/// # Errors
/// If the page cannot be made.
pub fn pages(record: &Record) -> Result<Vec<(String, String)>, RecordError> {
    let figures = figures::all(record);
    let report = page(record, &figures)
        .map_err(|error| RecordError::Write { path: "report.html".into(), source: io::Error::other(error) })?;
    let drawn = figures.into_iter().flatten().filter(|_| record.study.output.figures.contains(&FigureFormat::Svg));
    let mut pages: Vec<_> = drawn.map(|figure| (format!("figures/{}.svg", figure.name), figure.svg)).collect();
    pages.push(("report.html".to_owned(), report));
    Ok(pages)
}

/// Draws the pages of the complete record in `folder` again; each file is replaced whole.
///
/// # Errors
/// If there is no complete record, or the system refuses.
pub fn redraw(folder: &Path) -> Result<(), RecordError> {
    let pages = pages(&Record::read(folder)?)?;
    write_pages(folder, &pages).map_err(|source| RecordError::Write { path: folder.to_path_buf(), source })
}

fn page(record: &Record, figures: &[Outcome]) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Templates named *.html escape whatever is put into them.
    environment.add_template("report.html", TEMPLATE)?;
    let toml = toml::to_string(&record.study).unwrap_or_default();
    let results = &record.results;
    environment.get_template("report.html")?.render(context! {
        study => context! { name => record.study.name },
        manifest => record.manifest,
        toml,
        findings => findings(record),
        what => what(record),
        quantities => quantities(record),
        saddles => results.saddles.as_ref().map(SaddlesView::from),
        settings => results.settings.iter().map(|setting| SettingView::new(setting, through_saddles(record))).collect::<Vec<_>>(),
        judged => results.settings.iter().any(|setting| setting.escape.is_some()),
        figures => figures.iter().map(FigureView::new).collect::<Vec<_>>(),
        files => record.study.output.figures.contains(&FigureFormat::Svg),
        tables => tables(record),
    })
}

/// `1.02 [0.98, 1.06]`.
fn interval(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    if low == high {
        return number(estimate.value);
    }
    format!("{} [{}, {}]", number(estimate.value), number(low), number(high))
}

fn or_dash(x: Option<f64>) -> String {
    x.map_or_else(|| "—".to_owned(), number)
}

/// The words with a capital letter first.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `+0.31`, with a true minus sign.
fn signed(x: f64) -> String {
    format!("{x:+.2}").replace('-', "−")
}

fn name(setting: &SettingRecord) -> String {
    format!("Learning rate η = {}, batch size B = {}", number(setting.sgd.learning_rate), setting.sgd.batch_size)
}

/// Whether the study's event is the passage of a surface through saddles, from which half of the arrivals fall back.
fn through_saddles(record: &Record) -> bool {
    let region = record.study.escape.as_ref().map(|escape| &escape.region);
    matches!(region, Some(RegionText::DividingSurface | RegionText::Quench))
}

/// The answers in plain words.
fn findings(record: &Record) -> Vec<String> {
    let (minimum, geometry) = (&record.results.minimum, &record.results.geometry);
    let gradient = number(minimum.gradient_norm);
    let mut lines = vec![match (minimum.converged, minimum.index) {
        (true, 0) => format!("It is a minimum: the gradient vanishes (norm {gradient}) and no direction curves down."),
        (false, 0) => format!(
            "It is not quite a minimum: no direction curves down, but the gradient norm {gradient} is above the tolerance."
        ),
        (_, 1) => "It is no minimum: one direction curves down, so the theories do not apply.".to_owned(),
        (_, index) => format!("It is no minimum: {index} directions curve down, so the theories do not apply."),
    }];
    let distance = geometry.decoupling.frobenius_distance;
    let shape = if distance < CLOSE[0] {
        "closely"
    } else if distance < CLOSE[1] {
        "roughly"
    } else {
        "poorly"
    };
    let strength = format!("The strength is s = {}; the published law has s = 1.", interval(&geometry.noise_strength));
    lines.push(if geometry.outliers == 1 {
        format!("At the minimum C = 2 s L H holds by definition of s, as there is one outlier direction. {strength}")
    } else {
        format!(
            "At the minimum the noise follows C ≈ 2 s L H {shape}: the best multiple of H misses {} % of C in the \
             outlier directions. {strength}",
            number((1000.0 * distance).round() / 10.0)
        )
    });
    let exponent = &geometry.decoupling.scaling_exponent;
    let scaling = if exponent.covers(1.0) {
        "as decoupling says (1 is within the interval)"
    } else if (exponent.value - 1.0).abs() < 0.1 {
        "nearly as decoupling says (1)"
    } else {
        "not in proportion, as decoupling would have it (1)"
    };
    lines.push(format!("Away from it the noise grows as a power {} of the loss, {scaling}.", interval(exponent)));
    for setting in &record.results.settings {
        let Some(escape) = &setting.escape else { continue };
        let measured = match escape.measured.mean_steps {
            Some(steps) => format!("escape takes {} steps", interval(&steps)),
            None => format!(
                "escape takes more than {} steps with 95 % confidence",
                number(escape.measured.mean_steps_lower_bound)
            ),
        };
        let verdict = typeset(&escape.verdict.text);
        lines.push(format!("{}: {measured}. {}.", name(setting), capital(&verdict)));
    }
    lines
}

/// One sentence on what was run.
fn what(record: &Record) -> String {
    let (study, minimum) = (&record.study, &record.results.minimum);
    let problem =
        study.problem.as_ref().map_or_else(|| "the caller's own".to_owned(), |table| table.kind.replace('-', " "));
    let source = study.problem.as_ref().map_or_else(|| "the caller's data".to_owned(), source);
    let escape = study.escape.as_ref().map_or_else(String::new, |escape| {
        let region = match &escape.region {
            RegionText::DividingSurface if minimum.parameters > 1 => "beyond the planes at the saddles".to_owned(),
            RegionText::DividingSurface => "over the barrier tops".to_owned(),
            RegionText::Quench => "to where gradient descent ends in another minimum".to_owned(),
            RegionText::LossLevel(loss) => format!("through the loss {}", number(*loss)),
            RegionText::LossFactor(factor) => format!("through {} times the loss of the minimum", number(*factor)),
            RegionText::Ball(radius) => format!("to the distance {}", number(*radius)),
            RegionText::Box(_) => "out of a box".to_owned(),
        };
        let direct = format!("{} replicas of SGD, each at most {} steps", escape.replicas, escape.max_steps);
        let rare = format!("{} repeats of {} excursions", escape.rare.repeats, escape.rare.trajectories);
        let how = match escape.method {
            EscapeMethod::Direct => direct,
            EscapeMethod::Auto => format!("{direct}, or, where too few of them would escape, splitting, {rare}"),
            EscapeMethod::Splitting => format!("measured by splitting, {rare}"),
            EscapeMethod::ForwardFlux => format!("measured by forward flux sampling, {rare}"),
        };
        format!(" Escape means going {region}; {how}.")
    });
    format!(
        "Problem: {problem}, {} parameter{}, {} samples of {source}. Minimum found by: {}.{escape}",
        minimum.parameters,
        if minimum.parameters == 1 { "" } else { "s" },
        minimum.samples,
        minimum.method
    )
}

/// Where its data come from, in words.
fn source(table: &ProblemTable) -> String {
    match (&table.data.builtin, &table.data.path, &table.data.synthetic) {
        (Some(name), ..) => format!("the built-in data “{name}”"),
        (_, Some(path), _) => format!("the data in {}", path.display()),
        (_, _, Some(table)) => {
            format!("synthetic data “{}”", table.get("kind").and_then(toml::Value::as_str).unwrap_or("?"))
        }
        _ => "data".to_owned(),
    }
}

/// A row of the table of the minimum.
#[derive(Serialize)]
struct Quantity {
    name: &'static str,
    value: String,
    meaning: String,
}

fn quantities(record: &Record) -> Vec<Quantity> {
    let (minimum, geometry) = (&record.results.minimum, &record.results.geometry);
    let decoupling = &geometry.decoupling;
    let [median, .., largest] = geometry.sample_curvature;
    let row = |name, value, meaning: &str| Quantity { name, value, meaning: meaning.to_owned() };
    vec![
        row("Loss L*", number(minimum.loss), "mean over samples of half the squared residual"),
        row("Gradient norm", number(minimum.gradient_norm), "0 at a minimum"),
        row("Index", minimum.index.to_string(), "number of negative Hessian eigenvalues"),
        row("Outliers n", geometry.outliers.to_string(), &geometry.outlier_rule),
        row("Gap", or_dash(geometry.gap), "last outlier over first bulk eigenvalue"),
        row("Curvature h*", interval(&geometry.h_star), "typical outlier eigenvalue"),
        row("Noise strength s", interval(&geometry.noise_strength), "mean of Cᵢᵢ/(2 L* hᵢ) over outliers"),
        row("tr C/(2 L tr H)", number(decoupling.trace_ratio_hessian), "the same over all directions"),
        row("tr C/(2 L tr G)", number(decoupling.trace_ratio_gauss_newton), "with the Gauss–Newton matrix G"),
        row("Shape distance", number(decoupling.frobenius_distance), "‖C − aH‖/‖C‖ among outliers; 0 is perfect"),
        row("Off-diagonal share", number(decoupling.off_diagonal_share), "of ‖C‖² in the eigenbasis of H"),
        row("Scaling exponent γ", interval(&decoupling.scaling_exponent), "tr C ∝ L^γ; 1 for decoupling"),
        row("Curvature of one sample", format!("{} / {}", number(median), number(largest)), "median / largest"),
    ]
}

/// One setting as the page shows it.
#[derive(Serialize)]
struct SettingView {
    name: String,
    law: String,
    stationary: Option<String>,
    /// Statistics of the stationary ensemble of SGD.
    statistics: Vec<SeriesView>,
    /// The other dynamics.
    dynamics: Vec<DynamicsView>,
    escape: Option<EscapeView>,
}

/// A quantity along the stationary ensemble.
#[derive(Serialize)]
struct SeriesView {
    name: String,
    mean: String,
    deviation: String,
    time: String,
    effective: String,
}

impl SeriesView {
    fn all(stationary: &StationaryRecord) -> Vec<Self> {
        let known = stationary.statistics.iter().filter_map(|(name, series)| Some((name, series.as_ref()?)));
        known
            .map(|(name, series)| Self {
                name: name.replace('_', " "),
                mean: interval(&series.mean),
                deviation: interval(&series.deviation),
                time: series.autocorrelation_steps.as_ref().map_or_else(|| "—".to_owned(), interval),
                effective: series.effective_samples.map_or_else(|| "—".to_owned(), |n| number(n.round())),
            })
            .collect()
    }
}

/// A dynamics beside SGD.
#[derive(Serialize)]
struct DynamicsView {
    name: String,
    equation: &'static str,
    phi: String,
    steps: String,
    decades: String,
    ends: String,
}

impl DynamicsView {
    fn all(setting: &SettingRecord) -> Vec<Self> {
        let escapes = setting.escape.as_ref().map_or(&[][..], |escape| &escape.dynamics);
        let names = setting.stationary_dynamics.iter().map(|law| (&law.name, &law.kind));
        let mut names: Vec<_> = names.collect();
        if names.is_empty() {
            names = escapes.iter().map(|escape| (&escape.name, &escape.kind)).collect();
        }
        let dash = || "—".to_owned();
        names
            .into_iter()
            .map(|(name, kind)| {
                let law = setting.stationary_dynamics.iter().find(|law| law.name == *name).map(|found| &found.law);
                let escape = escapes.iter().find(|escape| escape.name == *name);
                let measured = escape.map(|escape| &escape.measured);
                let decades =
                    |d: Estimate| format!("{} [{}, {}]", signed(d.value), signed(d.ci95[0]), signed(d.ci95[1]));
                Self {
                    name: name.clone(),
                    equation: dynamics::by_name(kind).map_or("", dynamics::Kind::equation),
                    phi: law.map_or_else(dash, |law| match &law.tail_exponent {
                        Some(_) if law.is_poor() => "no such power".to_owned(),
                        Some(phi) => interval(phi),
                        None => dash(),
                    }),
                    steps: measured.map_or_else(dash, |measured| match &measured.mean_steps {
                        Some(steps) => interval(steps),
                        None => format!("above {}", number(measured.mean_steps_lower_bound)),
                    }),
                    decades: escape.and_then(|escape| escape.decades_from_sgd).map_or_else(dash, decades),
                    ends: measured.map_or_else(dash, MeasuredRecord::ends),
                }
            })
            .collect()
    }
}

/// One sentence on the fitted stationary law.
fn stationary_law(stationary: &StationaryRecord) -> String {
    let Some(phi) = &stationary.tail_exponent else {
        return format!("Stationary law: no fit; {}.", stationary.note.as_deref().unwrap_or("no reason given"));
    };
    let distance = stationary.distance.map_or_else(String::new, |distance| {
        format!("; distribution functions differ by up to {}", number((1000.0 * distance).round() / 1000.0))
    });
    let fit = format!("φ = {} fitted to {} losses{distance}", interval(phi), stationary.samples);
    if stationary.is_poor() {
        format!("Stationary law: none of the form L^−φ describes the losses. The best one, {fit}, means little.")
    } else {
        format!("Stationary law: {fit}.")
    }
}

/// The escape of one setting.
#[derive(Serialize)]
struct EscapeView {
    measured: String,
    /// Committed escapes, in one sentence.
    committed: Option<String>,
    /// By how much boundaries were moved, in one sentence.
    moved: Option<String>,
    verdict: VerdictView,
}

impl SettingView {
    fn new(setting: &SettingRecord, through_saddles: bool) -> Self {
        let law = &setting.law;
        let stable = if law.linearly_stable { "linearly stable" } else { "linearly unstable" };
        Self {
            name: name(setting),
            law: format!(
                "Temperature T = {} (with measured s: {}), φ = {} ({}), critical dimension n_c = {} ({}); {stable}.",
                or_dash(law.temperature),
                or_dash(law.temperature_measured),
                or_dash(law.phi),
                or_dash(law.phi_measured),
                or_dash(law.critical_dimension),
                or_dash(law.critical_dimension_measured)
            ),
            stationary: setting.stationary.as_ref().map(stationary_law),
            statistics: setting.stationary.as_ref().map_or_else(Vec::new, SeriesView::all),
            dynamics: DynamicsView::all(setting),
            escape: setting.escape.as_ref().map(|escape| EscapeView::new(escape, through_saddles)),
        }
    }
}

impl EscapeView {
    fn new(escape: &EscapeRecord, through_saddles: bool) -> Self {
        let measured = &escape.measured;
        let steps = match (&measured.mean_steps, &measured.log10_mean_steps) {
            (Some(steps), Some(log10)) => format!("{} steps, log₁₀ {}", interval(steps), interval(log10)),
            _ => format!("above {} steps with 95 % confidence", number(measured.mean_steps_lower_bound)),
        };
        let exponential = measured.weibull.as_ref().map_or_else(String::new, |check| {
            format!(" Weibull shape {} (1 for a constant rate).", interval(&check.shape))
        });
        let probability = measured.rare.as_ref().and_then(|rare| Some((rare, rare.flux?, rare.probability?)));
        let probability = probability.map_or_else(String::new, |(rare, flux, probability)| {
            format!(
                " Excursions from home per step: {}; probability that one gets out: {}, over {} levels of the score `{}`.",
                interval(&flux),
                interval(&probability),
                number(rare.levels),
                rare.score
            )
        });
        let median = measured.quantiles.iter().find(|quantile| quantile.share == 0.5).and_then(|median| median.value);
        let median = median.map_or_else(String::new, |steps| format!(" Median {} steps.", interval(&steps)));
        Self {
            measured: format!(
                "Measured mean escape time ({}, since {}): {steps}. {}.{probability}{median}{exponential}",
                measured.method,
                measured.why,
                capital(&measured.ends())
            ),
            committed: escape.committed.as_ref().map(committed),
            moved: moved(escape),
            verdict: VerdictView::new(escape, through_saddles),
        }
    }
}

/// What was measured of committed escapes.
fn committed(record: &CommittedRecord) -> String {
    let measured = &record.measured;
    let steps = match (&measured.mean_steps, &measured.log10_mean_steps) {
        (Some(steps), Some(log10)) => format!("{} steps, log₁₀ {}", interval(steps), interval(log10)),
        _ => format!("above {} steps with 95 % confidence", number(measured.mean_steps_lower_bound)),
    };
    let factor = record.factor.as_ref().map_or_else(String::new, |factor| {
        format!(", {} times as many as to the dividing surface (2 for small steps)", interval(factor))
    });
    let far = if record.fall > 1.0 {
        format!(
            " The barrier is low: by the curvature at the saddle the loss falls {} times as far to the moved surface as it rose from \
             the minimum, so that the surface may lie beyond the next minimum.",
            number((100.0 * record.fall).round() / 100.0)
        )
    } else {
        String::new()
    };
    format!(
        "Committed escapes, that is, passages of the surface moved outward by {COMMITTED} standard deviations of the walk at the \
         saddle, take {steps}{factor}. {}.{far}",
        capital(&measured.ends())
    )
}

/// By how much theories moved the boundary outward; none where none did.
fn moved(escape: &EscapeRecord) -> Option<String> {
    let shifts = || escape.predictions.values().flat_map(|prediction| prediction.boundary_shift.iter().copied());
    let (low, high) = (shifts().fold(f64::INFINITY, f64::min), shifts().fold(0.0, f64::max));
    let range = if number(low) == number(high) { number(low) } else { format!("{} to {}", number(low), number(high)) };
    shifts().next().map(|_| {
        format!(
            "Steps overshoot a boundary: before they apply, the theories move it outward by 0.5826 η √(C/B) = {range} (in units \
             of the parameters), each with its own noise there."
        )
    })
}

/// One figure, or the reason why it is missing.
#[derive(Serialize)]
struct FigureView {
    name: String,
    title: &'static str,
    caption: String,
    svg: Option<String>,
    wide: bool,
}

impl FigureView {
    fn new(outcome: &Outcome) -> Self {
        match outcome {
            Ok(figure) => Self {
                name: figure.name.to_owned(),
                title: figure.title,
                caption: figure.caption.clone(),
                // Within a page an SVG needs no name space, and the page then names no address at all.
                svg: Some(figure.svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1)),
                wide: figure.wide,
            },
            Err((title, missing)) => {
                Self { name: String::new(), title, caption: Missing::to_string(missing), svg: None, wide: false }
            }
        }
    }
}

/// A table of the record.
#[derive(Serialize)]
struct TableView {
    name: &'static str,
    meaning: &'static str,
}

fn tables(record: &Record) -> Vec<TableView> {
    let tables = &record.tables;
    let all = [
        ("spectrum", "Hessian eigenvalues", tables.spectrum.is_empty()),
        ("noise", "curvature and noise per leading direction", tables.noise.is_empty()),
        ("scaling", "loss and noise at displaced points", tables.scaling.is_empty()),
        ("path", "loss and noise along the path", tables.path.is_empty()),
        ("energy_paths", "loss and noise along the path over each saddle", tables.energy_paths.is_empty()),
        ("stationary", "histograms of excess loss and displacement", tables.stationary.is_empty()),
        ("escape_times", "the end of every replica", tables.escape_times.is_empty()),
        ("phase_diagram", "theory over learning rates and batch sizes", tables.phase_diagram.is_empty()),
        ("trajectories", "the paths of the first replicas", tables.trajectories.is_empty()),
    ];
    all.into_iter().filter(|table| !table.2).map(|(name, meaning, _)| TableView { name, meaning }).collect()
}
