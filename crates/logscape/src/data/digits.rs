//! The 1,797 handwritten digits of 8×8 pixels that come with the library.

use std::io::Read;

use flate2::read::GzDecoder;

use super::{DataError, Dataset, one_hot_rows};

const NAME: &str = "digits";
const PIXELS: usize = 64;
const CLASSES: usize = 10;
/// The largest pixel value of the source.
const WHITE: f64 = 16.0;
/// Gzip of one line per image: 64 pixels in `0..=16`, then the digit.
const CSV_GZ: &[u8] = include_bytes!("digits.csv.gz");

/// The optical recognition of handwritten digits: inputs are pixels divided by 16, targets are one-hot in ten classes.
///
/// Source: E. Alpaydin and C. Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI Machine Learning
/// Repository, <https://doi.org/10.24432/C50P49>; the test part, 1,797 images. Licence: CC BY 4.0.
///
/// # Errors
///
/// [`DataError`] where the embedded bytes were damaged when the library was built.
pub fn digits() -> Result<Dataset, DataError> {
    let mut text = String::new();
    GzDecoder::new(CSV_GZ).read_to_string(&mut text).map_err(|source| DataError::Read { file: NAME.into(), source })?;
    let mut inputs = Vec::new();
    let mut labels = Vec::new();
    for (row, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [pixels @ .., digit] = &fields[..] else {
            return Err(DataError::Empty { file: NAME.into() });
        };
        for (column, pixel) in pixels.iter().enumerate() {
            inputs.push(f64::from(parse(row, column, pixel)?) / WHITE);
        }
        labels.push(parse(row, PIXELS, digit)?);
    }
    let targets = one_hot_rows(NAME, &labels, CLASSES)?;
    Dataset::new(NAME, inputs, PIXELS, targets, CLASSES, Some(labels))
}

fn parse(row: usize, column: usize, field: &str) -> Result<u32, DataError> {
    field.parse().map_err(|_| DataError::Value {
        file: NAME.into(),
        row: row + 1,
        column: (column + 1).to_string(),
        found: field.into(),
        wanted: "a whole number".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_digits_are_the_published_ones() {
        let data = digits().expect("embedded");
        assert_eq!((data.len(), data.input_dim, data.target_dim), (1797, 64, 10));
        let labels = data.labels.as_ref().expect("labels");
        let mut counts = [0; CLASSES];
        for label in labels {
            counts[*label as usize] += 1;
        }
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);

        let pixels: Vec<f64> = data.inputs.iter().map(|x| x * WHITE).collect();
        assert!(pixels.iter().all(|pixel| (0.0..=16.0).contains(pixel) && pixel.fract() == 0.0));
        assert!(pixels.contains(&0.0) && pixels.contains(&16.0));
        // The first row of the first image in the published file, which is a zero.
        assert_eq!(pixels[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
        assert_eq!(labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn targets_are_one_hot() {
        let data = digits().expect("embedded");
        for (row, label) in data.targets.chunks(CLASSES).zip(data.labels.expect("labels")) {
            assert_eq!((row.iter().sum::<f64>(), row[label as usize]), (1.0, 1.0));
        }
    }
}
