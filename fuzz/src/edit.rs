//! How good input is spoilt: bytes, words and lines are changed, parts cut off, repeated, and taken from elsewhere.

use crate::input::Input;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes that no file grows beyond.
const LONGEST: usize = 1 << 18;

/// What stands in the place of numbers and words.
const WORDS: [&str; 36] = [
    "0",
    "-1",
    "1",
    "-0.0",
    "0.5",
    "1e308",
    "-1e308",
    "1.7976931348623157e308",
    "5e-324",
    "1e-300",
    "1e999",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "null",
    "true",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "\"\"",
    "\"text\"",
    "[]",
    "{}",
    "[[1, 2], [3]]",
    "1979-05-27T07:32:00Z",
    "\u{feff}é∞𝄞",
    "../../up",
];

/// Integers that stand in the place of bytes.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, 1 << 62, i64::MAX.cast_unsigned(), u64::MAX];

/// What nests.
const NESTS: [&str; 8] = ["[", "{\"a\":", "a.", "a={a=", "(", "[[a]]\n", "\"", "-"];

/// One change of one file.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    file: Index,
    place: Index,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    /// Flips a bit.
    Flip(u8),
    /// Puts bytes in the place of so many.
    Put(usize, Vec<u8>),
    /// Cuts the rest off.
    Cut,
    /// Puts so many bytes there again, so many times.
    Repeat(usize, usize),
    /// Puts bytes of another input there.
    Splice(Part, usize),
    /// Puts text in the place of the next word or number.
    Word(&'static str),
    /// Puts a word of another input in the place of the next one.
    OtherWord(Part),
    /// Removes the line.
    NoLine,
    /// Puts the line there again.
    LineAgain,
    /// Puts the line of another input there.
    OtherLine(Part),
    /// Removes the file.
    NoFile,
}

/// A place in one of the good inputs.
#[derive(Debug, Clone)]
struct Part {
    input: Index,
    file: Index,
    place: Index,
}

impl Part {
    /// The file's bytes, and the place in them.
    fn of<'a>(&self, good: &'a [Input]) -> (&'a [u8], usize) {
        let files = &self.input.get(good).0;
        let bytes = files.values().nth(self.file.index(files.len())).map_or(&[][..], Vec::as_slice);
        (bytes, self.place.index(bytes.len() + 1))
    }
}

fn part() -> impl Strategy<Value = Part> {
    any::<(Index, Index, Index)>().prop_map(|(input, file, place)| Part { input, file, place })
}

/// An integer of 1, 2, 4 or 8 bytes in either order.
fn number() -> impl Strategy<Value = Vec<u8>> {
    (select(&NUMBERS[..]), 0_u32..4, any::<bool>()).prop_map(|(number, width, big)| {
        let mut bytes = number.to_le_bytes()[..1 << width].to_vec();
        if big {
            bytes.reverse();
        }
        bytes
    })
}

fn change() -> impl Strategy<Value = Change> {
    let put = |(length, bytes)| Change::Put(length, bytes);
    let nested = (select(&NESTS[..]), 1_usize..30_000).prop_map(|(nest, times)| nest.repeat(times).into_bytes());
    prop_oneof![
        6 => (0_u8..8).prop_map(Change::Flip),
        4 => number().prop_map(|bytes| Change::Put(bytes.len(), bytes)),
        2 => (0_usize..8, vec(any::<u8>(), 0..8)).prop_map(put),
        2 => (1_usize..2_000).prop_map(|length| Change::Put(length, Vec::new())),
        3 => Just(Change::Cut),
        2 => (1_usize..200, 1_usize..200).prop_map(|(length, times)| Change::Repeat(length, times)),
        2 => (part(), 1_usize..500).prop_map(|(part, length)| Change::Splice(part, length)),
        10 => select(&WORDS[..]).prop_map(Change::Word),
        4 => part().prop_map(Change::OtherWord),
        3 => Just(Change::NoLine),
        2 => Just(Change::LineAgain),
        3 => part().prop_map(Change::OtherLine),
        1 => Just(Change::NoFile),
        1 => (select(&b"a1 \n\"\xff"[..]), 1_usize..100_000).prop_map(|(byte, times)| Change::Put(0, vec![byte; times])),
        1 => nested.prop_map(|bytes| Change::Put(0, bytes)),
    ]
}

/// Between none and so many edits.
pub(crate) fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (any::<Index>(), any::<Index>(), change());
    vec(edit.prop_map(|(file, place, change)| Edit { file, place, change }), 0..=most)
}

/// The bytes of a word or a number.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')
}

/// Where the first word at or after `place` begins and ends.
fn word(bytes: &[u8], place: usize) -> (usize, usize) {
    let begin = bytes.iter().skip(place).position(|byte| is_of_word(*byte)).map_or(bytes.len(), |skip| place + skip);
    let length = bytes[begin..].iter().take_while(|byte| is_of_word(**byte)).count();
    (begin, begin + length)
}

/// Where the line around `place` begins and ends, its end of line included.
fn line(bytes: &[u8], place: usize) -> (usize, usize) {
    let begin = bytes[..place].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let end = bytes[place..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| place + at + 1);
    (begin, end)
}

impl Edit {
    /// Spoils the input; `good` are the inputs that parts are taken from.
    pub(crate) fn apply(&self, input: &mut Input, good: &[Input]) {
        if input.0.is_empty() {
            return;
        }
        let file = self.file.index(input.0.len());
        let Some((name, bytes)) = input.0.iter_mut().nth(file) else { return };
        let place = self.place.index(bytes.len() + 1);
        let at_most = |length: usize| (place + length).min(bytes.len());
        let ((from, to), by) = match &self.change {
            Change::Flip(bit) => ((place, at_most(1)), bytes.get(place).map_or(vec![], |byte| vec![byte ^ (1 << bit)])),
            Change::Put(length, by) => ((place, at_most(*length)), by.clone()),
            Change::Cut => ((place, bytes.len()), vec![]),
            Change::Repeat(length, times) => ((place, place), bytes[place..at_most(*length)].repeat(*times)),
            Change::Splice(part, length) => {
                let (other, from) = part.of(good);
                ((place, place), other[from..(from + length).min(other.len())].to_vec())
            }
            Change::Word(text) => (word(bytes, place), text.as_bytes().to_vec()),
            Change::OtherWord(part) => {
                let (other, from) = part.of(good);
                let (begin, end) = word(other, from);
                (word(bytes, place), other[begin..end].to_vec())
            }
            Change::NoLine => (line(bytes, place), vec![]),
            Change::LineAgain => {
                let (begin, end) = line(bytes, place);
                ((begin, begin), bytes[begin..end].to_vec())
            }
            Change::OtherLine(part) => {
                let (other, from) = part.of(good);
                let (begin, end) = line(other, from);
                let here = line(bytes, place).0;
                ((here, here), other[begin..end].to_vec())
            }
            Change::NoFile => {
                let name = name.clone();
                input.0.remove(&name);
                return;
            }
        };
        bytes.splice(from..to, by);
        bytes.truncate(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lines_are_found() {
        let text = b"a = 1e-3, b\nnext\n";
        assert_eq!(word(text, 1), (4, 8));
        assert_eq!(word(text, 6), (6, 8));
        assert_eq!(word(text, 17), (17, 17));
        assert_eq!(line(text, 3), (0, 12));
        assert_eq!(line(text, 12), (12, 17));
        assert_eq!(line(text, 17), (17, 17));
    }
}
