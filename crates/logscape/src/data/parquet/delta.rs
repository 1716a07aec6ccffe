//! Values that stand as differences, whose number a page says twice. The reader of the format makes room for as many as the values
//! themselves say, which is looked at before.

use parquet::basic::Encoding;
use parquet::column::page::Page;

/// Whether the values of a page are no more than its entries, where they say how many they are.
pub(super) fn is_sound(page: &Page, nullable: bool) -> bool {
    let (buf, entries, encoding, levels) = match page {
        Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
            let levels = match def_level_encoding {
                _ if !nullable => Some(0),
                Encoding::RLE => {
                    buf.first_chunk().and_then(|size| 4_usize.checked_add(u32::from_le_bytes(*size) as usize))
                }
                _ => Some((*num_values as usize).div_ceil(8)),
            };
            (buf, *num_values, *encoding, levels)
        }
        Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = (*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize);
            (buf, *num_values, *encoding, levels)
        }
        Page::DictionaryPage { .. } => return true,
    };
    let sections = match encoding {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return true,
    };
    let Some(values) = levels.and_then(|levels| buf.get(levels..)) else { return false };
    // Of a page without values nothing is said.
    let mut left = Section(values);
    values.is_empty() || (0..sections).all(|_| left.skip(entries.into()).is_some())
}

/// Numbers in blocks of differences.
struct Section<'a>(&'a [u8]);

impl Section<'_> {
    /// An integer of seven bits in each byte, the lowest first.
    fn integer(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.0.split_off_first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Passes over a section of at most so many numbers.
    fn skip(&mut self, most: u64) -> Option<()> {
        let [block, parts, total, _first] = [self.integer()?, self.integer()?, self.integer()?, self.integer()?];
        if total > most {
            return None;
        }
        let part = block.checked_div(parts).filter(|part| *part > 0)?;
        let mut left = total.saturating_sub(1);
        while left > 0 {
            // The least difference, the bits of each part, and its differences.
            self.integer()?;
            let widths = self.0.split_off(..usize::try_from(parts).ok()?)?;
            for width in widths {
                // What would follow the last number is not there.
                if left == 0 {
                    break;
                }
                let bytes = part.checked_mul(u64::from(*width))? / 8;
                self.0.split_off(..usize::try_from(bytes).ok()?)?;
                left = left.saturating_sub(part);
            }
        }
        Some(())
    }
}
