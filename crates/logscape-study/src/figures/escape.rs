//! Predicted against measured escape times.

use super::axis::Axis;
use super::plot::{DASHED, GREY, INK, Kind, Layer, Marker, Panel, Point};
use super::style::Style;
use super::{Design, Drawing, Missing, left_out, setting_name};
use crate::record::{EscapeRecord, Record, SettingRecord};
use logscape::Estimate;
use logscape::theory;
use std::collections::BTreeMap;

pub(super) const ESCAPE: Design = Design { name: "escape", title: "Predicted and measured escape times", when, draw };

/// Predictions beyond so many decades of steps are not drawn: nobody waits for them, and they would hide the others.
const DRAWN: f64 = 1e3;
/// Learning rates of one batch size from which on curves over them are drawn.
const CURVE: usize = 4;
/// Errors beyond so many decades are not drawn: the panel above shows them.
const ERROR: f64 = 12.0;

/// A setting with its escape and the measured `log10` of steps.
type Seen<'a> = (&'a SettingRecord, &'a EscapeRecord, Estimate);

fn when(record: &Record) -> Result<(), Missing> {
    let asked = record.results.settings.iter().any(|setting| setting.escape.is_some());
    Missing::unless(asked, "the study has no [escape] section")
}

/// Mean escape steps, measured and predicted by every theory: over the learning rates where there are several, else
/// predicted against measured with the line of equality.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let asked: Vec<_> = record.results.settings.iter().filter(|setting| setting.escape.is_some()).collect();
    let measured: Vec<_> = asked
        .iter()
        .filter_map(|setting| {
            let escape = setting.escape.as_ref()?;
            let steps = escape.measured.log10_mean_steps?;
            (steps.value.is_finite() && steps.ci95.iter().all(|x| x.is_finite())).then_some((*setting, escape, steps))
        })
        .collect();
    if let Some((panels, single)) = curves(&measured) {
        let single = if single.is_empty() {
            String::new()
        } else {
            let sizes: Vec<String> = single.iter().map(ToString::to_string).collect();
            format!(" Not drawn, with an escape time at one learning rate alone: B = {}.", sizes.join(", "))
        };
        let caption = format!(
            "Mean steps to escape over the learning rate, as SGD took them (points, with 95 % intervals) and as each theory \
             predicts (curves).{} Below, the error of each theory in decades, with the interval of the measurement around \
             zero; errors beyond {ERROR} decades are not drawn there.{single}",
            left_out(asked.len() - measured.len(), "nothing escaped")
        );
        return Ok(Drawing { caption, panels });
    }
    let mut groups = Vec::new();
    for (theory, k) in theory::all().iter().zip(0_usize..) {
        let points = measured.iter().filter_map(|(_, escape, steps)| {
            Some((*steps, escape.predictions.get(theory.name())?.log10_mean_steps.filter(|x| x.abs() < DRAWN)?))
        });
        let points: Vec<_> = points.collect();
        if !points.is_empty() {
            groups.push((theory.name(), k, points));
        }
    }
    let missing = || Missing::NoData("no escape time was both measured and predicted");
    let across = measured.iter().flat_map(|(_, _, steps)| [steps.ci95[0], steps.value, steps.ci95[1]]);
    let x = Axis::fit("measured mean escape time (steps)", true, across).ok_or_else(missing)?;
    let predicted = groups.iter().flat_map(|group| group.2.iter().map(|p| p.1));
    let shown = predicted.clone().next().is_some();
    let y = Axis::fit("predicted mean escape time (steps)", true, predicted.chain([x.low, x.high]));
    let y = y.filter(|_| shown).ok_or_else(missing)?;
    let mut layers = vec![Layer::new("equal", INK, Kind::Line(vec![(x.low, x.low), (x.high, x.high)], DASHED))];
    for (_, _, steps) in &measured {
        layers.push(Layer::plain(GREY, Kind::Line(vec![(steps.value, y.low), (steps.value, y.high)], &[3.0, 12.0])));
    }
    let errors = error_panel(&groups, x.clone());
    for (name, k, points) in groups {
        let Style { colour, marker, .. } = Style::of(k);
        let bars = points.iter().map(|(steps, predicted)| ((steps.ci95[0], *predicted), (steps.ci95[1], *predicted)));
        layers.push(Layer::plain(colour, Kind::Bars(bars.collect())));
        let points = points.iter().map(|(steps, predicted)| (steps.value, *predicted)).collect();
        layers.push(Layer::new(name, colour, Kind::Marks(points, marker, 12.0)));
    }
    let names: Vec<String> = measured.iter().map(|(setting, ..)| setting_name(setting)).collect();
    let caption = format!(
        "Mean steps to escape that each theory predicts against what SGD took, with 95 % intervals of the measurement. \
         Each dotted line is one setting: {}.{} Below, the error of each theory in decades; theories are drawn side by side. Predictions beyond 10^1000 steps are \
         not drawn.",
        names.join("; "),
        left_out(asked.len() - measured.len(), "nothing escaped")
    );
    let panels = [Some(Panel { title: String::new(), x, y, layers }), errors].into_iter().flatten().collect();
    Ok(Drawing { caption, panels })
}

/// For each batch size with several learning rates, the steps and the errors of the theories over those, and the batch sizes with
/// one; none where no batch size has enough for a curve.
fn curves(measured: &[Seen]) -> Option<(Vec<Panel>, Vec<usize>)> {
    let mut of_sizes: BTreeMap<usize, Vec<Seen>> = BTreeMap::new();
    for seen in measured {
        of_sizes.entry(seen.0.sgd.batch_size).or_default().push(*seen);
    }
    if of_sizes.values().all(|seen| seen.len() < CURVE) {
        return None;
    }
    let (mut panels, mut single) = (Vec::new(), Vec::new());
    for (size, mut seen) in of_sizes {
        if seen.len() == 1 {
            single.push(size);
            continue;
        }
        seen.sort_by(|a, b| a.0.sgd.learning_rate.total_cmp(&b.0.sgd.learning_rate));
        panels.extend(steps_panel(size, &seen));
        panels.extend(errors_panel(size, &seen));
    }
    (!panels.is_empty()).then_some((panels, single))
}

fn rate_axis(seen: &[Seen]) -> Option<Axis> {
    Axis::fit("learning rate η", true, seen.iter().map(|(setting, ..)| setting.sgd.learning_rate.log10()))
}

/// A theory's name, its number, and its points.
type Curve = (&'static str, usize, Vec<Point>);

/// The curve of each theory: `log10` of rates and predicted steps.
fn theories<'a>(seen: &'a [Seen]) -> impl Iterator<Item = Curve> + 'a {
    theory::all().iter().zip(0..).filter_map(|(theory, k)| {
        let point = |(setting, escape, _): &Seen| {
            let steps = escape.predictions.get(theory.name())?.log10_mean_steps.filter(|x| x.abs() < DRAWN)?;
            Some((setting.sgd.learning_rate.log10(), steps))
        };
        let points: Vec<_> = seen.iter().filter_map(point).collect();
        (!points.is_empty()).then_some((theory.name(), k, points))
    })
}

fn steps_panel(size: usize, seen: &[Seen]) -> Option<Panel> {
    let x = rate_axis(seen)?;
    let ends = seen.iter().flat_map(|(_, _, steps)| steps.ci95);
    let y = Axis::fit("mean escape time (steps)", true, theories(seen).flat_map(|t| t.2).map(|p| p.1).chain(ends))?;
    let mut layers: Vec<Layer> = theories(seen)
        .map(|(name, k, points)| {
            let Style { colour, dash, .. } = Style::of(k);
            Layer::new(name, colour, Kind::Line(points, dash))
        })
        .collect();
    let at = |setting: &SettingRecord| setting.sgd.learning_rate.log10();
    let bars = seen.iter().map(|(setting, _, s)| ((at(setting), s.ci95[0]), (at(setting), s.ci95[1])));
    layers.push(Layer::plain(INK, Kind::Bars(bars.collect())));
    let points = seen.iter().map(|(setting, _, steps)| (at(setting), steps.value)).collect();
    layers.push(Layer::new("measured", INK, Kind::Marks(points, Marker::Circle, 12.0)));
    Some(Panel { title: format!("B = {size}"), x, y, layers })
}

fn errors_panel(size: usize, seen: &[Seen]) -> Option<Panel> {
    let x = rate_axis(seen)?;
    let measured =
        |rate: f64| seen.iter().find(|(setting, ..)| setting.sgd.learning_rate.log10() == rate).map(|s| s.2.value);
    let mut curves: Vec<Curve> = Vec::new();
    for (name, k, points) in theories(seen) {
        let errors = points.into_iter().filter_map(|(rate, steps)| Some((rate, steps - measured(rate)?)));
        curves.push((name, k, errors.filter(|(_, error)| error.abs() < ERROR).collect()));
    }
    let band =
        |end: usize| seen.iter().map(move |(setting, _, s)| (setting.sgd.learning_rate.log10(), s.ci95[end] - s.value));
    let shown = curves.iter().flat_map(|curve| &curve.2).map(|p| p.1).chain(band(0).chain(band(1)).map(|p| p.1));
    let y = Axis::fit("error (decades)", false, shown)?;
    let area = band(0).chain(band(1).collect::<Vec<_>>().into_iter().rev()).collect();
    let mut layers = vec![
        Layer::plain(INK, Kind::Area(area)),
        Layer::plain(INK, Kind::Line(vec![(x.low, 0.0), (x.high, 0.0)], DASHED)),
    ];
    for (_, k, points) in curves {
        let Style { colour, marker, dash } = Style::of(k);
        layers.push(Layer::plain(colour, Kind::Line(points.clone(), dash)));
        layers.push(Layer::plain(colour, Kind::Marks(points, marker, 9.0)));
    }
    Some(Panel { title: format!("B = {size}"), x, y, layers })
}

/// One theory: its name, its number, and per setting the measured and the predicted `log10` of steps.
type Group = (&'static str, usize, Vec<(Estimate, f64)>);

/// `log10(predicted/measured)` against the measured steps, with the interval of the measurement; the theories of one setting
/// are drawn side by side.
fn error_panel(groups: &[Group], x: Axis) -> Option<Panel> {
    let spacing = 0.008 * (x.high - x.low);
    let middle = 0.5 * (theory::all().len() as f64 - 1.0);
    let bars = |k: usize, points: &[(Estimate, f64)]| -> Vec<_> {
        let place = |steps: &Estimate| steps.value + spacing * (k as f64 - middle);
        points
            .iter()
            .map(|(steps, predicted)| {
                let error = |measured: f64| (place(steps), predicted - measured);
                (error(steps.ci95[0]), error(steps.value), error(steps.ci95[1]))
            })
            .collect()
    };
    let heights = groups.iter().flat_map(|(_, k, points)| bars(*k, points)).flat_map(|(a, _, b)| [a.1, b.1]);
    let y = Axis::fit("error (decades)", false, heights.chain([-0.1, 0.1]))?;
    let mut layers = vec![Layer::plain(INK, Kind::Line(vec![(x.low, 0.0), (x.high, 0.0)], DASHED))];
    for (_, k, points) in groups {
        let Style { colour, marker, .. } = Style::of(*k);
        let bars = bars(*k, points);
        layers.push(Layer::plain(colour, Kind::Bars(bars.iter().map(|(low, _, high)| (*low, *high)).collect())));
        layers.push(Layer::plain(colour, Kind::Marks(bars.iter().map(|bar| bar.1).collect(), marker, 9.0)));
    }
    Some(Panel { title: String::new(), x, y, layers })
}
