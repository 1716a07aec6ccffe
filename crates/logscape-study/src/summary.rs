//! The summary of a run in a few lines of text.

use crate::record::{EscapeRecord, Results, SettingRecord};
use crate::runner::with_interval;
use std::fmt::Write;

/// The minimum, the geometry, and one block per setting with measurement and predictions in `log10` of steps.
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
        (false, 0) => "not converged: the gradient norm is above the tolerance",
        _ => "no minimum: the Hessian has negative eigenvalues",
    };
    writeln!(
        text,
        "minimum   L* = {:.6}, |gradient| = {:.1e}, index {} ({state}); P = {}, N = {}",
        minimum.loss, minimum.gradient_norm, minimum.index, minimum.parameters, minimum.samples
    )?;
    writeln!(
        text,
        "hessian   n = {} outliers, h* = {:.4}, gap {:.2}",
        geometry.outliers.count, geometry.outliers.h_star.value, geometry.outliers.gap
    )?;
    writeln!(
        text,
        "noise     s = {}, tr C/(2L tr H) = {:.4}, tr C ~ L^{}",
        with_interval(&geometry.noise_strength),
        geometry.decoupling.trace_ratio_hessian,
        with_interval(&geometry.decoupling.scaling_exponent)
    )?;
    results.settings.iter().try_for_each(|setting| write_setting(text, setting))
}

fn write_setting(text: &mut String, setting: &SettingRecord) -> std::fmt::Result {
    let number = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
    writeln!(
        text,
        "\neta = {}, B = {}: T = {}, phi = {}, n_c = {}{}",
        setting.learning_rate,
        setting.batch_size,
        number(setting.law.temperature),
        number(setting.law.phi),
        number(setting.law.critical_dimension),
        if setting.law.linearly_stable { "" } else { ", linearly unstable" }
    )?;
    setting.escape.as_ref().map_or(Ok(()), |escape| write_escape(text, escape))
}

fn write_escape(text: &mut String, escape: &EscapeRecord) -> std::fmt::Result {
    let counts = format!(
        "{} escaped, {} censored, {} diverged",
        escape.measured.escaped, escape.measured.censored, escape.measured.diverged
    );
    match &escape.log10_mean_steps {
        Some(steps) => writeln!(text, "  log10 steps, measured      {} ({counts})", with_interval(steps))?,
        None => writeln!(text, "  log10 steps, measured      no escape seen ({counts})")?,
    }
    for (name, prediction) in &escape.predictions {
        let Some(log10) = prediction.log10_mean_steps else {
            writeln!(text, "  {name:<26} does not apply")?;
            continue;
        };
        let error = escape.error_decades.get(name).copied().flatten();
        let error = error.map_or_else(String::new, |error| format!("  ({error:+.2} decades)"));
        writeln!(text, "  {name:<26} {log10:.4}{error}")?;
    }
    match &escape.best {
        Some(best) => writeln!(text, "  nearest: {best}"),
        None => Ok(()),
    }
}
