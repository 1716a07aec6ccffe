//! The answers in plain words.

use super::minimum::index;
use super::overview::of_many;
use super::words::{capital, interval, setting_name, typeset};
use crate::figures::number;
use crate::record::{GeometryRecord, Record, SettingRecord};
use crate::summary::FEW;
use logscape::Estimate;
use logscape::model::Decoupling;

/// Distance of shape below which `C ∝ H` is called close, and below which it is called rough.
const CLOSE: [f64; 2] = [0.1, 0.3];

/// The answers in plain words, of a run that may be unfinished.
pub(super) fn findings(record: &Record, unfinished: bool) -> Vec<String> {
    let (minimum, geometry) = (&record.results.minimum, &record.results.geometry);
    let gradient = number(minimum.gradient_norm);
    let flat = if geometry.complete { "no direction curves down" } else { "no direction was found to curve down" };
    let mut lines = vec![match (minimum.converged, minimum.index) {
        _ if minimum.interpolating => format!(
            "The fit interpolates: {}. Noise strength, φ, critical dimension and the rates of theories are ratios to that loss, \
             and have no meaning here; what has is said of each setting.",
            minimum.interpolating_reason.as_deref().unwrap_or("every sample is fitted")
        ),
        (true, 0) => format!("It is a minimum: the gradient vanishes (norm {gradient}) and {flat}."),
        (false, 0) if minimum.running_away.is_some() => format!(
            "It is no minimum: {flat}, but parameters run away: {} (gradient norm {gradient}).",
            minimum.running_away.as_deref().unwrap_or_default()
        ),
        (false, 0) => {
            format!("It is not quite a minimum: {flat}, but the gradient norm {gradient} is above the tolerance.")
        }
        (_, 1) if geometry.complete => {
            "It is no minimum: one direction curves down, so the theories do not apply.".to_owned()
        }
        (_, found) => format!(
            "It is no minimum: {} {} down, so the theories do not apply.",
            index(found, geometry.complete),
            if found == 1 { "direction curves" } else { "directions curve" }
        ),
    }];
    if let (Some(strength), Some(decoupling)) = (&geometry.noise_strength, &geometry.decoupling) {
        lines.extend(noise(geometry, strength, decoupling));
    }
    if let Some(fisher) = &geometry.fisher {
        lines.push(format!(
            "The loss is the {} loss, for which C ≈ 2 s L H is no law but measured here; theories take the measured s. Fisher's \
             identity would have tr C/tr G = 1, and it is {}.",
            minimum.output_loss.map_or("model's own", |loss| loss.name()).replace('-', " "),
            number(fisher.trace_ratio)
        ));
    }
    lines.extend(span(geometry));
    lines.extend(classes(record));
    let settings = &record.results.settings;
    if settings.len() > FEW {
        lines.extend(of_many(settings));
    } else {
        lines.extend(settings.iter().filter_map(of_one));
    }
    if let Some(verdict) = record.results.verdict.as_ref().filter(|verdict| verdict.settings > 1) {
        let which = if unfinished { "Over the finished settings" } else { "Over all settings" };
        lines.push(format!("{which}: {}.", typeset(&verdict.text)));
    }
    lines
}

/// The escape of a setting, if one was asked for.
fn of_one(setting: &SettingRecord) -> Option<String> {
    let escape = setting.escape.as_ref()?;
    let (name, verdict) = (setting_name(setting), capital(&typeset(&escape.verdict.text)));
    Some(match (&escape.impossible, escape.measured.mean_steps) {
        (Some(reason), _) => format!("{name}: {verdict}. {}.", capital(reason)),
        (None, Some(steps)) => format!("{name}: escape takes {} steps. {verdict}.", interval(&steps)),
        (None, None) => {
            format!("{name}: escape takes {} steps with 95 % confidence. {verdict}.", escape.measured.bound())
        }
    })
}

/// How much of the noise the outliers have, where there are several and a bulk.
fn span(geometry: &GeometryRecord) -> Option<String> {
    let found = geometry.noise_subspace.as_ref().filter(|_| geometry.outliers > 1 && geometry.gap.is_some())?;
    let [own, most] = [found.share_of_outliers, found.share_of_leading].map(|share| number((100.0 * share).round()));
    Some(format!(
        "The {} outlier directions have {own} % of the noise, where no {0} directions have more than {most} %.",
        geometry.outliers
    ))
}

/// The level of classes that the outliers come from most.
fn classes(record: &Record) -> Option<String> {
    let found = record.results.geometry.classes.as_ref()?;
    let (mut sums, mut all) = ([0.0; 4], 0.0);
    for row in record.tables.classes.iter().filter(|row| row.outlier) {
        let parts = [row.class_means, row.cross_class, row.within_class, row.own_class];
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        all += parts.iter().sum::<f64>();
    }
    if all <= 0.0 || !all.is_finite() {
        return None;
    }
    let [means, cross, within, own] = sums.map(|sum| number((100.0 * sum / all).round()));
    Some(format!(
        "Of the Gauss–Newton curvature along the outliers, {means} % come from the means of the {} classes, {cross} % from cross-class \
         means, {within} % from samples within classes, and {own} % from the samples' own classes.",
        found.classes
    ))
}

/// How the noise follows curvature and loss.
fn noise(geometry: &GeometryRecord, strength: &Estimate, decoupling: &Decoupling) -> [String; 2] {
    let distance = decoupling.frobenius_distance;
    let word = if distance < CLOSE[0] {
        "closely"
    } else if distance < CLOSE[1] {
        "roughly"
    } else {
        "poorly"
    };
    let strength = format!("The strength is s = {}; the published law has s = 1.", interval(strength));
    let shape = if geometry.outliers == 1 {
        format!("At the minimum C = 2 s L H holds by definition of s, as there is one outlier direction. {strength}")
    } else {
        format!(
            "At the minimum the noise follows C ≈ 2 s L H {word}: the best multiple of H misses {} % of C in the \
             outlier directions. {strength}",
            number((1000.0 * distance).round() / 10.0)
        )
    };
    let exponent = &decoupling.scaling_exponent;
    let scaling = if exponent.covers(1.0) {
        "as decoupling says (1 is within the interval)"
    } else if (exponent.value - 1.0).abs() < 0.1 {
        "nearly as decoupling says (1)"
    } else {
        "not in proportion, as decoupling would have it (1)"
    };
    [shape, format!("Away from it the noise grows as a power {} of the loss, {scaling}.", interval(exponent))]
}
