//! The slope of a line through points.

use crate::Estimate;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Least-squares slope of the second coordinate on the first with Student's 95 % interval; unbounded where fewer than three points exist.
pub fn slope(points: &[(f64, f64)]) -> Estimate {
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let sxx: f64 = points.iter().map(|p| (p.0 - mx).powi(2)).sum();
    let slope = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>() / sxx;
    let Ok(student) = StudentsT::new(0.0, 1.0, n - 2.0) else {
        return Estimate::new(slope, f64::NEG_INFINITY, f64::INFINITY);
    };
    let rest: f64 = points.iter().map(|p| (p.1 - my - slope * (p.0 - mx)).powi(2)).sum();
    let half = student.inverse_cdf(0.975) * (rest / (n - 2.0) / sxx).sqrt();
    Estimate::new(slope, slope - half, slope + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_of_a_line_is_exact() {
        let line: Vec<(f64, f64)> = (0..9).map(|i| (f64::from(i), 2.5 * f64::from(i) - 1.0)).collect();
        assert!((slope(&line).value - 2.5).abs() < 1e-12);
    }
}
