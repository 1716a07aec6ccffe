//! The summary of a run in about ten lines of text.

use crate::record::{
    CurvatureRecord, EscapeRecord, InterpolationRecord, LookBias, MeasuredRecord, Results, SettingRecord,
    StationaryRecord,
};
use crate::text::{count, decimal, ends, uncertain, with_interval};
use logscape::Estimate;
use logscape::theory::Stationary;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Most settings of which each has its paragraph in the summary, and its lines in a log; of more, each has one line.
pub const FEW: usize = 10;

/// The minimum, the geometry, and per setting the stationary exponent, the measured escape time and the error of
/// every theory that applies, in decades of steps; of more settings than [`FEW`], the exponent, the time and the theory to trust.
pub fn summary(results: &Results) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_summary(&mut text, results);
    text
}

fn write_summary(text: &mut String, results: &Results) -> std::fmt::Result {
    let (minimum, geometry) = (&results.minimum, &results.geometry);
    let state = match (minimum.converged, minimum.index) {
        (true, 0) => "a minimum",
        (false, 0) if minimum.running_away.is_some() => "not converged: parameters run away",
        (false, 0) => "not converged: the gradient norm is above the tolerance",
        _ => "no minimum: the Hessian has negative eigenvalues",
    };
    writeln!(
        text,
        "minimum   L* = {}{}, |gradient| = {:.1e}, index {}{} ({state}); P = {}, N = {}",
        decimal(minimum.loss, 6),
        minimum.accuracy.map_or_else(String::new, |share| format!(", accuracy {:.2} %", 100.0 * share)),
        minimum.gradient_norm,
        if geometry.complete { "" } else { "at least " },
        minimum.index,
        minimum.parameters,
        minimum.samples
    )?;
    writeln!(
        text,
        "hessian   n = {}, h* = {}, {}",
        count(geometry.outliers, "outlier"),
        with_interval(&geometry.h_star),
        geometry.gap.map_or_else(|| "no bulk".to_owned(), |gap| format!("gap {gap:.2}"))
    )?;
    if let (Some(strength), Some(decoupling)) = (&geometry.noise_strength, &geometry.decoupling) {
        writeln!(
            text,
            "noise     s = {}, tr C/(2L tr H) = {:.4}, tr C ~ L^{}",
            with_interval(strength),
            decoupling.trace_ratio_hessian,
            with_interval(&decoupling.scaling_exponent)
        )?;
    }
    if let Some(reason) = &minimum.interpolating_reason {
        writeln!(text, "noise     none: the fit interpolates, {reason}; s, phi and rates have no meaning")?;
    }
    results.curvature.iter().try_for_each(|found| write_matrix(text, found))?;
    let write = if results.settings.len() > FEW { write_line } else { write_setting };
    results.settings.iter().try_for_each(|setting| write(text, setting))?;
    match &results.verdict {
        Some(verdict) if verdict.settings > 1 => writeln!(text, "verdict   {}", verdict.text),
        _ => Ok(()),
    }
}

/// Eigenvalues of an end that a line tells.
const TOLD: usize = 4;

/// One line on a matrix.
fn write_matrix(text: &mut String, found: &CurvatureRecord) -> std::fmt::Result {
    let several = |values: &[f64], uncertainties: &[f64]| {
        let values = &values[..TOLD.min(values.len())];
        uncertain(values, uncertainties, |x, digits| format!("{x:.digits$e}")).join(", ")
    };
    let of = found.block.as_ref().map_or_else(String::new, |block| format!(" of {block}"));
    let lowest = several(&found.lowest, &found.lowest_uncertainty);
    let lowest = if lowest.is_empty() { String::new() } else { format!("; lowest {lowest}") };
    let named = |name: &str, estimate: &Option<Estimate>| {
        estimate.as_ref().map_or_else(String::new, |estimate| {
            if estimate.ci95 == [estimate.value; 2] {
                format!("; {name} = {}", decimal(estimate.value, 4))
            } else {
                format!("; {name} = {}", with_interval(estimate))
            }
        })
    };
    let open = match found.unconverged {
        0 => String::new(),
        open => format!("; {open} have not converged"),
    };
    let (trace, norm) = (named("trace", &found.trace), named("norm", &found.frobenius));
    let name = format!("{}{of}", found.matrix.name());
    writeln!(text, "{name:<17} {}{lowest}{trace}{norm}{open}", several(&found.largest, &found.largest_uncertainty))
}

fn with_two_digits(estimate: &Estimate) -> String {
    format!("{:.2} {}", estimate.value, ends(estimate, |x| format!("{x:.2}")))
}

fn write_setting(text: &mut String, setting: &SettingRecord) -> std::fmt::Result {
    let law = &setting.law;
    let measured = match &setting.stationary {
        Some(stationary) if stationary.is_poor() => ", but the measured law is no such power".to_owned(),
        Some(StationaryRecord { tail_exponent: Some(phi), .. }) => {
            format!(", {} measured", with_two_digits(phi))
        }
        Some(law) => format!(", not measurable: {}", reason(law)),
        None => String::new(),
    };
    let stable = stability(setting);
    let (rate, batch) = (setting.sgd.learning_rate, setting.sgd.batch_size);
    if let Some(interpolation) = &setting.interpolation {
        writeln!(text, "eta = {rate}, B = {batch}: no stationary law{stable}")?;
        write_interpolation(text, interpolation)?;
    } else {
        writeln!(text, "eta = {rate}, B = {batch}: {}{stable}", powers(law, &measured))?;
    }
    let memory = setting.stationary.as_ref().and_then(|law| law.statistics.get("log_loss").copied().flatten());
    if let Some(time) = memory.and_then(|log_loss| log_loss.autocorrelation_steps) {
        let interval = ends(&time, |x| format!("{x:.1}"));
        writeln!(text, "  memory  ln L is correlated over {:.1} {interval} steps", time.value)?;
    }
    for dynamics in &setting.stationary_dynamics {
        let phi = match &dynamics.law.tail_exponent {
            _ if dynamics.law.is_poor() => "the law is no such power".to_owned(),
            Some(phi) => format!("phi = {}", with_two_digits(phi)),
            None => format!("phi is not measurable: {}", reason(&dynamics.law)),
        };
        writeln!(text, "  {:<22} {phi}", dynamics.name)?;
    }
    setting.escape.as_ref().map_or(Ok(()), |escape| write_escape(text, escape))
}

/// The power of the loss, predicted and as `measured` says, and the critical dimension.
fn powers(law: &Stationary, measured: &str) -> String {
    let Some((phi, dimension)) = law.phi.zip(law.critical_dimension) else {
        return format!("no phi or n_c, as eta h*/B is no positive number{measured}");
    };
    let with_strength = law.phi_measured.map_or_else(
        || "none with measured s, as eta s h*/B is no positive number".to_owned(),
        |phi| format!("{phi:.2} with measured s"),
    );
    format!("phi = {phi:.2} published, {with_strength}{measured}; n_c = {dimension:.2}")
}

/// One line on a setting.
fn write_line(text: &mut String, setting: &SettingRecord) -> std::fmt::Result {
    let (rate, batch) = (decimal(setting.sgd.learning_rate, 4), setting.sgd.batch_size);
    let phi = setting.stationary.as_ref().map(|law| match &law.tail_exponent {
        _ if law.is_poor() => "no power law".to_owned(),
        Some(phi) => format!("phi {}", with_two_digits(phi)),
        None => "no phi".to_owned(),
    });
    let near = setting.interpolation.as_ref().map(|near| {
        let lambda = near.products.lyapunov.as_ref().map_or_else(|| "-infinity".to_owned(), in_powers);
        format!("lambda {lambda}")
    });
    let escape = setting.escape.as_ref().map(|escape| {
        let measured = &escape.measured;
        let steps = match (&escape.impossible, &measured.log10_mean_steps) {
            (Some(_), _) => "escape is impossible".to_owned(),
            (None, Some(steps)) => format!("escape in 10^{} steps", with_two_digits(steps)),
            (None, None) => format!("escape not seen, {} steps", measured.bound()),
        };
        let trusted = match (&escape.verdict.trusted, escape.verdict.agrees.first()) {
            (Some(theory), _) => format!("trust {theory}"),
            (None, Some(theory)) => format!("{theory} agrees, trust none"),
            (None, None) => "no theory is known to hold".to_owned(),
        };
        format!("{steps}; {trusted}")
    });
    let parts: Vec<String> = [phi, near, escape].into_iter().flatten().collect();
    let unstable = stability(setting);
    writeln!(text, "eta = {rate:<9} B = {batch:<6} {}{unstable}", parts.join("; "))
}

/// Why there is no fitted law.
pub(crate) fn reason(law: &StationaryRecord) -> &str {
    law.note.as_deref().unwrap_or("the record does not say why")
}

/// What is known of a time that was not seen to end.
fn not_seen(measured: &MeasuredRecord) -> String {
    format!("not seen: {} steps", measured.bound())
}

/// That no theory applies, with each reason once.
fn no_theory(escape: &EscapeRecord) -> String {
    let reasons = escape.verdict.theories.values().filter_map(|theory| theory.not_applicable.as_deref());
    let reasons: BTreeSet<&str> = reasons.collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    format!("no theory applies{}{}", if reasons.is_empty() { "" } else { ": " }, reasons.join("; "))
}

/// What of the minimum is unstable.
fn stability(setting: &SettingRecord) -> String {
    let near = setting.interpolation.as_ref().map(|near| near.products.mean_square_growth.value);
    match near.or(setting.law.mean_square_growth) {
        _ if !setting.law.linearly_stable => "; linearly unstable".to_owned(),
        Some(growth) if growth > 1.0 => format!("; unstable in mean square ({growth:.3} per step)"),
        _ => String::new(),
    }
}

/// An estimate of any size.
fn in_powers(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    format!("{:.2e} [{low:.2e}, {high:.2e}]", estimate.value)
}

fn write_interpolation(text: &mut String, interpolation: &InterpolationRecord) -> std::fmt::Result {
    let products = &interpolation.products;
    let none = |reason: &Option<String>| format!("none, {}", reason.as_deref().unwrap_or("not known"));
    let growth = &products.mean_square_growth;
    let is_exact = growth.ci95 == [growth.value; 2];
    writeln!(
        text,
        "  near    lambda = {}, mean-square growth {}, alpha = {}",
        products.lyapunov.as_ref().map_or_else(|| "-infinity".to_owned(), in_powers),
        if is_exact { format!("{:.4}", growth.value) } else { with_interval(growth) },
        products.alpha.as_ref().map_or_else(|| none(&products.alpha_reason), with_interval)
    )?;
    if let Some(reason) = &interpolation.escape_reason {
        writeln!(text, "  starts  none: {reason}")?;
    }
    let Some(escape) = &interpolation.escape else { return Ok(()) };
    for start in &escape.starts {
        let probability = start
            .probability
            .map_or_else(|| "no replica was decided".to_owned(), |p| format!("{} escape", in_powers(&p)));
        let predicted = start.predicted.map_or_else(String::new, |p| format!(", (L0/Lc)^(alpha/2) = {:.1e}", p.value));
        writeln!(text, "  starts  from L0 = {:.2e}: {probability}{predicted}", start.loss)?;
    }
    let (Some(slope), Some(predicted)) = (&escape.slope, &escape.slope_predicted) else { return Ok(()) };
    writeln!(text, "  slope   {} of ln p on ln L0, alpha/2 = {}", with_interval(slope), with_interval(predicted))
}

fn write_escape(text: &mut String, escape: &EscapeRecord) -> std::fmt::Result {
    let measured = &escape.measured;
    let steps = match &measured.log10_mean_steps {
        Some(steps) => format!("in 10^{} steps", with_interval(steps)),
        None => not_seen(measured),
    };
    match &escape.impossible {
        Some(reason) => writeln!(text, "  escape  impossible: {reason}")?,
        None => writeln!(text, "  escape  {steps}: {}", measured.ends())?,
    }
    if let Some(warning) = measured.look_bias.as_ref().and_then(LookBias::warning) {
        writeln!(text, "          {warning}")?;
    }
    if let Some(committed) = &escape.committed {
        let steps = committed
            .measured
            .log10_mean_steps
            .map_or_else(|| not_seen(&committed.measured), |s| format!("in 10^{} steps", with_interval(&s)));
        let factor = committed
            .factor
            .map_or_else(String::new, |factor| format!(", {} times those of arrivals", with_interval(&factor)));
        writeln!(text, "  committed {steps}{factor}: {}", committed.measured.ends())?;
    }
    for dynamics in &escape.dynamics {
        let steps = dynamics.measured.log10_mean_steps.map_or_else(
            || format!("{}: {}", not_seen(&dynamics.measured), dynamics.measured.ends()),
            |steps| {
                let from_sgd = dynamics.decades_from_sgd.map_or_else(String::new, |d| {
                    format!(", {:+.2} {} decades from SGD", d.value, ends(&d, |x| format!("{x:+.2}")))
                });
                format!("in 10^{} steps{from_sgd}", with_interval(&steps))
            },
        );
        writeln!(text, "  {:<22} {steps}", dynamics.name)?;
    }
    if escape.verdict.best.is_none() {
        let predicted = escape.predictions.iter().filter_map(|(name, p)| Some((name, p.log10_mean_steps?)));
        let predicted: Vec<String> = predicted.map(|(name, log10)| format!("{name} 10^{log10:.2}")).collect();
        let predicted = if predicted.is_empty() { no_theory(escape) } else { predicted.join(", ") };
        writeln!(text, "  steps   {predicted}")?;
    } else {
        let errors = escape.verdict.error_decades.iter().filter_map(|(name, error)| Some((name, (*error)?)));
        let errors: Vec<String> = errors.map(|(name, error)| format!("{name} {error:+.2}")).collect();
        writeln!(text, "  errors  {} decades", errors.join(", "))?;
    }
    writeln!(text, "  verdict {}", escape.verdict.text)
}
