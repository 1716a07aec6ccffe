//! What a table's text tells of how it is written: its marks, and where in it a line stands.

use super::super::DataError;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// What separates fields.
    pub(super) delimiter: u8,
    /// Bytes before the table: a byte-order mark, and a line `sep=;` for a spreadsheet.
    pub(super) skip: usize,
}

impl Dialect {
    /// The delimiter that the line of names has most of, outside quotes; a line `sep=;` before it says which.
    ///
    /// # Errors
    ///
    /// [`DataError::Field`] for text in UTF-16.
    pub(super) fn of(name: &str, text: &[u8]) -> Result<Self, DataError> {
        if text.starts_with(b"\xff\xfe")
            || text.starts_with(b"\xfe\xff")
            || text.iter().take(100).any(|byte| *byte == 0)
        {
            return Err(DataError::Dialect {
                file: name.into(),
                line: 1,
                problem: "the text is UTF-16, or no text".into(),
                hint: "save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\")",
            });
        }
        let skip = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let first = first_line(&text[skip..]);
        if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = first[..] {
            return Ok(Self { delimiter, skip: skip + first.len() });
        }
        let names = lines(&text[skip..]).find(|line| !line.starts_with(b"#") && !line.trim_ascii().is_empty());
        let names = names.unwrap_or_default();
        let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
        let mut quoted = false;
        for byte in names {
            quoted ^= *byte == b'"';
            counts.iter_mut().filter(|(mark, _)| mark == byte && !quoted).for_each(|(_, count)| *count += 1);
        }
        // Of marks that are as frequent the first in the list counts.
        let (delimiter, _) = counts.into_iter().rev().max_by_key(|(_, count)| *count).unwrap_or((b',', 0));
        Ok(Self { delimiter, skip })
    }
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default()
}

/// Lines without their ends; `\r\n` gives an empty one more.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The line, from 1, that a record begins on whose predecessor ended at this byte: blank lines and comments may follow it.
pub(super) fn line_at(text: &[u8], mut end: usize) -> usize {
    while let Some(first) = text.get(end) {
        match first {
            b'\r' | b'\n' => end += 1,
            b'#' if end == 0 || text[end - 1] == b'\n' => end += first_line(&text[end..]).len(),
            _ => break,
        }
    }
    1 + text.iter().take(end).filter(|byte| **byte == b'\n').count()
}

/// Which mark stands before the decimals, as the first number with one shows. A table that has both has one of them between
/// thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decimal {
    /// No number with decimals so far.
    Unknown,
    /// `1.5`.
    Point,
    /// `1,5`.
    Comma,
}

impl Decimal {
    /// The number that a field holds, where it holds a finite one written as the fields before; `comma` where the comma is
    /// free to be a mark.
    pub(super) fn number(&mut self, field: &str, comma: bool) -> Option<f64> {
        let plain = field.parse().ok().filter(|value: &f64| value.is_finite());
        match plain {
            Some(value) if !field.contains('.') => Some(value),
            Some(value) => self.is(Self::Point).then_some(value),
            None if comma && field.contains(',') && !field.contains('.') => {
                let value = field.replacen(',', ".", 1).parse().ok().filter(|value: &f64| value.is_finite())?;
                self.is(Self::Comma).then_some(value)
            }
            None => None,
        }
    }

    /// Whether this is the mark of the table, which it becomes where there was none.
    fn is(&mut self, mark: Self) -> bool {
        if *self == Self::Unknown {
            *self = mark;
        }
        *self == mark
    }

    /// What is wanted in place of a field that is no number, and what to do.
    pub(super) fn advice(field: &str) -> (&'static str, &'static str) {
        let digits: String = field.chars().filter(|c| !matches!(c, ',' | '.' | '\'' | '_' | ' ' | '\u{a0}')).collect();
        let fortran = field.replace(['d', 'D'], "e");
        if field.is_empty() {
            ("a number, not a hole", "fill in or drop the line; holes are not accepted")
        } else if digits != field && digits.parse::<f64>().is_ok_and(f64::is_finite) {
            ("a number without marks between thousands", "write numbers without marks between thousands, as 1234.5")
        } else if fortran != field && fortran.parse::<f64>().is_ok_and(f64::is_finite) {
            ("a number with its exponent after `e`", "write exponents with `e`, as 1.5e-3")
        } else {
            (
                "a finite number",
                "correct or drop the line, or leave the column out of `inputs` and `targets`; text, NaN and infinities are not accepted, text classes as a target with `one_hot = true`",
            )
        }
    }
}
