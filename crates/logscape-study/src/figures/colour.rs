//! A scale of colours for numbers: a straight line in OKLab (Ottosson 2020), on which equal steps look equal, from dark blue to
//! yellow, which readers with any common colour vision tell apart; in print its lightness alone is enough.

use plotters::style::RGBColor;

/// Lightness, green–red and blue–yellow of the ends.
const ENDS: [[f64; 3]; 2] = [[0.28, 0.0, -0.13], [0.90, -0.03, 0.17]];

/// The colour of a share from 0 (dark blue) to 1 (yellow).
pub(super) fn colour(share: f64) -> RGBColor {
    let [red, green, blue] = linear(share.clamp(0.0, 1.0)).map(|light| {
        let light = light.clamp(0.0, 1.0);
        let value = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        (255.0 * value).round() as u8
    });
    RGBColor(red, green, blue)
}

/// Linear red, green and blue of sRGB.
fn linear(share: f64) -> [f64; 3] {
    let [l, a, b] = [0, 1, 2].map(|k| ENDS[0][k] + share * (ENDS[1][k] - ENDS[0][k]));
    let long = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (l - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_shown_and_is_lighter_than_the_one_before() {
        let mut before = -1.0;
        for k in 0..=100 {
            let light = linear(f64::from(k) / 100.0);
            assert!(light.iter().all(|x| (-1e-3..=1.001).contains(x)), "{k}: {light:?}");
            // Relative luminance of sRGB.
            let luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
            assert!(luminance > before, "{k}");
            before = luminance;
        }
        assert_eq!((colour(-1.0), colour(2.0)), (colour(0.0), colour(1.0)));
    }
}
