//! The stationary density of the excess loss against the predicted power law.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, DOTTED, INK, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, INTERPOLATING, Missing, PANELS, left_out, setting_name};
use crate::names::SGD;
use crate::record::{Record, SettingRecord, StationaryRow};
use statrs::function::gamma::ln_gamma;

pub(super) const STATIONARY: Design = Design { name: "stationary", title: "Stationary law of the loss", when, draw };

/// Density at `u = (L − L*)/L*` in a quadratic basin with `n` directions where `P(θ) ∝ L^−φ`: BetaPrime(`n/2`, `φ − n/2`).
/// `None` where it cannot be normalised (`φ ≤ n/2`) or `u` is not positive.
pub fn excess_loss_density(u: f64, dimension: f64, phi: f64) -> Option<f64> {
    let (a, b) = (0.5 * dimension, phi - 0.5 * dimension);
    if !(a > 0.0 && b > 0.0 && u > 0.0 && phi.is_finite()) {
        return None;
    }
    let ln_beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(phi);
    Some(((a - 1.0) * u.ln() - phi * u.ln_1p() - ln_beta).exp())
}

fn when(record: &Record) -> Result<(), Missing> {
    let asked = record.results.settings.iter().any(|setting| setting.stationary.is_some());
    Missing::unless(asked, "the study has no [stationary] section")?;
    Missing::unless(!record.results.minimum.interpolating, INTERPOLATING)
}

/// Density of the excess loss per setting, with the laws for `φ` published, with measured `s`, and fitted.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let settings = record.results.settings.iter().enumerate();
    let asked: Vec<_> = settings.filter(|(_, setting)| setting.stationary.is_some()).collect();
    if record.results.minimum.loss.is_nan() || record.results.minimum.loss <= 0.0 {
        return Err(Missing::NotPositive("the loss at the minimum"));
    }
    let panels: Vec<Panel> =
        asked.iter().take(PANELS).filter_map(|(number, setting)| panel(record, *number, setting)).collect();
    if panels.is_empty() {
        return Err(Missing::NoData("no loss was sampled within the bins of the histogram"));
    }
    let caption = format!(
        "Density of the excess loss u = (L − L*)/L* while SGD stays in the basin, against the predicted law \
         u^(n/2−1) (1+u)^(−φ) with n = {}, normalised. A law with φ ≤ n/2 cannot be normalised and is not drawn.{}",
        record.results.geometry.outliers,
        left_out(asked.len() - panels.len(), "it has no samples, or the figure is full")
    );
    Ok(Drawing { caption, panels })
}

fn panel(record: &Record, number: usize, setting: &SettingRecord) -> Option<Panel> {
    let loss = record.results.minimum.loss;
    let rows = record.tables.stationary.iter();
    let asked = |row: &&StationaryRow| row.setting == number as u64 && row.dynamics == SGD;
    let rows = rows.filter(asked).filter(|row| row.quantity == "excess_loss" && row.count > 0);
    let points: Vec<(f64, f64)> = rows
        .map(|row| {
            let density = row.count as f64 / ((row.upper - row.lower) * row.total as f64) * loss;
            let u = (0.5 * (row.lower.ln() + row.upper.ln())).exp() / loss;
            (u.log10(), density.log10())
        })
        .filter(|(u, density)| u.is_finite() && density.is_finite())
        .collect();
    let x = Axis::fit("excess loss u = (L − L*)/L*", true, points.iter().map(|p| p.0))?;
    let y = Axis::fit("density of u", true, points.iter().map(|p| p.1))?;
    let dimension = record.results.geometry.outliers as f64;
    let fitted = setting.stationary.as_ref().and_then(|stationary| stationary.tail_exponent);
    let laws = [
        ("φ published (s = 1)", setting.law.phi, COLOURS[1], DASHED),
        ("φ with measured s", setting.law.phi_measured, COLOURS[2], SOLID),
        ("φ fitted", fitted.map(|phi| phi.value), INK, DOTTED),
    ];
    let mut layers = vec![Layer::new("SGD", COLOURS[0], Kind::Marks(points, Marker::Circle, 6.0))];
    for (label, phi, colour, dash) in laws {
        let Some(phi) = phi else { continue };
        let curve: Vec<(f64, f64)> = (0..=300)
            .map(|k| x.low + (x.high - x.low) * f64::from(k) / 300.0)
            .filter_map(|at| Some((at, excess_loss_density(10.0_f64.powf(at), dimension, phi)?.log10())))
            .collect();
        if !curve.is_empty() {
            layers.push(Layer::new(label, colour, Kind::Line(curve, dash)));
        }
    }
    Some(Panel { title: setting_name(setting), x, y, layers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_predicted_law_integrates_to_one() {
        for (dimension, phi) in [(1.0, 1.2), (2.0, 11.0), (9.0, 20.0), (4.0, 500.0)] {
            // In x = ln u the integrand is smooth and dies out at both ends.
            let step = 0.01;
            let heights = (-6000..6000).map(|k| {
                let u = (step * f64::from(k)).exp();
                excess_loss_density(u, dimension, phi).unwrap_or(f64::NAN) * u
            });
            let integral = step * heights.sum::<f64>();
            assert!((integral - 1.0).abs() < 1e-8, "n = {dimension}, φ = {phi}: {integral}");
        }
        assert_eq!(excess_loss_density(1.0, 4.0, 2.0), None);
        assert_eq!(excess_loss_density(0.0, 4.0, 9.0), None);
    }
}
