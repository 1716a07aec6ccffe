//! SHA-256, which tells whether bytes are those of before.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::path::Path;

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    digits(Sha256::new_with_prefix(bytes))
}

/// SHA-256 of so many bytes in a row, in hexadecimal digits.
pub(crate) fn sha256_of_all<const N: usize>(pieces: impl Iterator<Item = [u8; N]>) -> String {
    let mut hasher = Sha256::new();
    pieces.for_each(|piece| hasher.update(piece));
    digits(hasher)
}

/// Length of a file, and the SHA-256 of its bytes in hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn sha256_of_file(path: &Path) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let length = io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok((length, digits(hasher)))
}

fn digits(hasher: Sha256) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    hasher.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_files_have_the_hash_of_their_bytes() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        assert_eq!(sha256_of_all([*b"a", *b"b", *b"c"].into_iter()), abc);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").expect("it is written");
        assert_eq!(sha256_of_file(&path).expect("it is read"), (3, abc.to_owned()));
    }
}
