//! The sets as their files have them, and digits.

/// The numbers of a line, whatever separates them.
fn numbers(line: &str) -> Vec<f64> {
    let words = line.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    words.map(|word| word.parse().expect("a number")).collect()
}

/// The sets of a file: each a name, this many lines of numbers, and the observations, as pairs of `y` and `x`.
pub(super) fn sets(
    text: &'static str,
    lines: usize,
) -> impl Iterator<Item = (&'static str, Vec<Vec<f64>>, Vec<[f64; 2]>)> {
    text.split("\n\n").skip(1).map(move |set| {
        let (name, rest) = set.split_once('\n').expect("a name");
        let head = rest.lines().take(lines).map(numbers).collect();
        let flat: Vec<f64> = rest.lines().skip(lines).flat_map(numbers).collect();
        (name, head, flat.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
    })
}

/// The fewest digits to which the numbers are the certified ones.
pub(super) fn digits(found: &[f64], certified: &[f64]) -> f64 {
    assert_eq!(found.len(), certified.len());
    let each = |(x, c): (&f64, &f64)| -(x / c - 1.0).abs().max(1e-16).log10();
    found.iter().zip(certified).map(each).fold(16.0, f64::min)
}
