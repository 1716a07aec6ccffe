//! Predicted against measured escape times.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, GREY, INK, Kind, Layer, MARKERS, Panel};
use super::{Figure, Missing, figure, left_out, setting_name};
use crate::record::Record;
use logscape::Estimate;
use logscape::theory;

pub(super) const TITLE: &str = "Predicted and measured escape times";

/// Predictions beyond so many decades of steps are not drawn: nobody waits for them, and they would hide the others.
const DRAWN: f64 = 1e3;

/// Mean escape steps, predicted by every theory against measured, on logarithmic axes with the line of equality.
///
/// # Errors
/// If nothing was measured or nothing predicted, or the picture cannot be drawn.
pub fn escape(record: &Record) -> Result<Figure, Missing> {
    let asked: Vec<_> = record.results.settings.iter().filter(|setting| setting.escape.is_some()).collect();
    if asked.is_empty() {
        return Err(Missing::NoData("the study has no [escape] section"));
    }
    let measured: Vec<_> = asked
        .iter()
        .filter_map(|setting| {
            let escape = setting.escape.as_ref()?;
            let steps = escape.measured.log10_mean_steps?;
            (steps.value.is_finite() && steps.ci95.iter().all(|x| x.is_finite())).then_some((*setting, escape, steps))
        })
        .collect();
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
        let (colour, marker) = (COLOURS[k % COLOURS.len()], MARKERS[k % MARKERS.len()]);
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
    let panels: Vec<_> = [Some(Panel { title: String::new(), x, y, layers }), errors].into_iter().flatten().collect();
    figure("escape", TITLE, caption, &panels)
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
        let (colour, marker) = (COLOURS[k % COLOURS.len()], MARKERS[k % MARKERS.len()]);
        let bars = bars(*k, points);
        layers.push(Layer::plain(colour, Kind::Bars(bars.iter().map(|(low, _, high)| (*low, *high)).collect())));
        layers.push(Layer::plain(colour, Kind::Marks(bars.iter().map(|bar| bar.1).collect(), marker, 9.0)));
    }
    Some(Panel { title: String::new(), x, y, layers })
}
