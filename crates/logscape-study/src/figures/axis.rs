//! Axes: ranges, ticks and their labels. A logarithmic axis holds `log10` of its values.

/// One axis of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// What is shown, with its unit.
    pub(super) label: String,
    /// Whether positions are `log10` of the values.
    pub(super) log: bool,
    /// Lower end, as a position.
    pub(super) low: f64,
    /// Upper end, as a position.
    pub(super) high: f64,
}

impl Axis {
    /// The axis that shows every finite one of `positions` with a margin; none without any.
    pub(super) fn fit(label: &str, log: bool, positions: impl IntoIterator<Item = f64>) -> Option<Self> {
        let finite = positions.into_iter().filter(|x| x.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if low > high {
            return None;
        }
        let least = if log { 0.3 } else { 0.05 * low.abs().max(high.abs()).max(1e-300) };
        let margin = if high - low < least { least } else { 0.05 * (high - low) };
        Some(Self { label: label.to_owned(), log, low: low - margin, high: high + margin })
    }

    /// The same axis from `low`.
    pub(super) fn from(self, low: f64) -> Self {
        if low < self.high { Self { low, ..self } } else { self }
    }

    /// Where a position lies between the ends, from 0 to 1.
    pub(super) fn fraction(&self, position: f64) -> f64 {
        (position - self.low) / (self.high - self.low)
    }

    /// Labelled ticks as position and text, and the positions of unlabelled ones.
    pub(super) fn ticks(&self) -> (Vec<(f64, String)>, Vec<f64>) {
        if self.log { self.log_ticks() } else { (linear_ticks(self.low, self.high), Vec::new()) }
    }

    fn inside(&self, position: f64) -> bool {
        let slack = 1e-9 * (self.high - self.low);
        self.low - slack <= position && position <= self.high + slack
    }

    fn log_ticks(&self) -> (Vec<(f64, String)>, Vec<f64>) {
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let every = |step: f64| -> Vec<f64> {
            let (begin, end) = ((self.low / step).floor(), (self.high / step).ceil());
            let count = (end - begin).clamp(0.0, 200.0) as usize;
            (0..=count).map(|i| (begin + i as f64) * step).filter(|&x| self.inside(x)).collect()
        };
        let powers = self.high - self.low;
        if every(1.0).len() >= 2 {
            let step = round_step(powers / 7.0);
            let major: Vec<_> = every(step).into_iter().map(|x| (x, power_of_ten(x as i64))).collect();
            let minor = if step == 1.0 {
                self.multiples(first, last, &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
            } else if powers < 100.0 {
                every(1.0)
            } else {
                Vec::new()
            };
            return (major, minor);
        }
        let few = self.multiples(first, last, &[1.0, 2.0, 5.0]);
        if few.len() >= 3 {
            let minor = self.multiples(first, last, &[3.0, 4.0, 6.0, 7.0, 8.0, 9.0]);
            return (few.into_iter().map(|x| (x, number(10.0_f64.powf(x)))).collect(), minor);
        }
        let (low, high) = (10.0_f64.powf(self.low), 10.0_f64.powf(self.high));
        (linear_ticks(low, high).into_iter().map(|(x, text)| (x.log10(), text)).collect(), Vec::new())
    }

    fn multiples(&self, first: i32, last: i32, factors: &[f64]) -> Vec<f64> {
        let all = (first - 1..=last).flat_map(|k| factors.iter().map(move |f| f64::from(k) + f.log10()));
        all.filter(|&x| self.inside(x)).collect()
    }
}

/// About five round numbers between `low` and `high`.
/// The least of 1, 2, 5, 10, 20, ... that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.max(1.0).log10().floor());
    [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|round| *round >= step).unwrap_or(10.0 * power)
}

fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low) / 5.0;
    let unit = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * unit).find(|&s| s >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first).clamp(0.0, 50.0) as usize;
    // Numbers that are large or close to each other have a power of ten in common.
    let largest = low.abs().max(high.abs());
    let power = if largest >= 1e5 || step < 1e-4 { largest.log10().floor() } else { 0.0 };
    let decimals = (power - step.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = |x: f64| {
        let digits = format!("{:.decimals$}", x / 10.0_f64.powf(power)).replace('-', "−");
        match power {
            _ if x == 0.0 => "0".to_owned(),
            0.0 => digits,
            _ => format!("{digits}×{}", power_of_ten(power as i64)),
        }
    };
    (0..=count).map(|i| (first + i as f64) * step).map(|x| (x, text(x))).collect()
}

/// `10⁻³`.
pub(crate) fn power_of_ten(exponent: i64) -> String {
    let digits = exponent.to_string();
    let raised = digits.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    });
    format!("10{}", raised.collect::<String>())
}

/// A number in four digits: plain where that is short, else `2.5×10⁻⁷`.
pub(crate) fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    if !x.is_finite() {
        return if x.is_nan() { "undefined".to_owned() } else { format!("{}∞", if x < 0.0 { "−" } else { "" }) };
    }
    let mut exponent = x.abs().log10().floor() as i32;
    let mut digits = trimmed(format!("{:.3}", x / 10.0_f64.powi(exponent)));
    if digits.trim_start_matches('-') == "10" {
        exponent += 1;
        digits = trimmed(format!("{:.3}", x / 10.0_f64.powi(exponent)));
    }
    if (-3..5).contains(&exponent) {
        let decimals = (3 - exponent).max(0) as usize;
        return trimmed(format!("{x:.decimals$}")).replace('-', "−");
    }
    let power = power_of_ten(i64::from(exponent));
    match digits.as_str() {
        "1" => power,
        "-1" => format!("−{power}"),
        _ => format!("{}×{power}", digits.replace('-', "−")),
    }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_typeset() {
        let written = [0.0, 1.0, -0.25, 12_345.6, 1e-3, 2.5e-7, 1e6, -1e6, 0.099_999_9, 9.999_99e-8].map(number);
        assert_eq!(written, ["0", "1", "−0.25", "12346", "0.001", "2.5×10⁻⁷", "10⁶", "−10⁶", "0.1", "10⁻⁷"]);
    }

    #[test]
    fn powers_of_ten_are_round_numbers_apart() {
        for (step, round) in
            [(0.3, 1.0), (1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (9.9, 10.0), (45.2, 50.0), (501.0, 1000.0)]
        {
            assert_eq!(round_step(step), round, "{step}");
        }
    }

    #[test]
    fn every_axis_has_ticks_within_its_ends() {
        for (log, low, high) in [
            (true, -7.3, 2.0),
            (true, 0.1, 0.2),
            (true, 0.0, 1.2),
            (false, -3.0, 5.0),
            (true, 0.0, 400.0),
            (true, 0.2, 1e28),
        ] {
            let axis = Axis { label: String::new(), log, low, high };
            let (major, minor) = axis.ticks();
            assert!((2..=12).contains(&major.len()), "{low} to {high}: {major:?}");
            assert!(major.iter().map(|(x, _)| *x).chain(minor).all(|x| axis.inside(x)));
        }
        assert!(Axis::fit("", false, [f64::NAN]).is_none());
    }

    #[test]
    fn ticks_have_a_power_in_common() {
        let texts = |low, high| linear_ticks(low, high).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(0.0, 1e5), ["0", "0.2×10⁵", "0.4×10⁵", "0.6×10⁵", "0.8×10⁵", "1.0×10⁵"]);
        assert_eq!(texts(-2e-5, 2e-5), ["−2×10⁻⁵", "−1×10⁻⁵", "0", "1×10⁻⁵", "2×10⁻⁵"]);
        assert_eq!(texts(0.0, 50_000.0), ["0", "10000", "20000", "30000", "40000", "50000"]);
        assert_eq!(texts(-0.5, 0.5), ["−0.4", "−0.2", "0", "0.2", "0.4"]);
    }
}
