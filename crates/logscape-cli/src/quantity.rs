//! Quantities as they are written on the command line.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A number of bytes, in a decimal unit.
///
/// # Errors
/// If the text is none from a megabyte on.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "give a size such as 500MB or 8GB".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?);
    let unit = match unit.to_ascii_uppercase().as_str() {
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return Err(wrong()),
    };
    let size = unit * number.trim().parse::<f64>().map_err(|_| wrong())?;
    if (1e6..=1e18).contains(&size) { Ok(size as u64) } else { Err(wrong()) }
}

/// Times between checkpoints. A shorter one would be spent on writing alone; nobody waits for a longer one.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1_000_000_000);

/// A time between checkpoints in seconds.
///
/// # Errors
/// If it is too short or too long.
pub fn checkpoint_time(seconds: f64) -> Result<Duration, String> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if TIMES.contains(&time) => Ok(time),
        _ => Err("give between 0.01 and 1e9 seconds".to_owned()),
    }
}

/// The same as it is written.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map_err(|_| "not a number of seconds".to_owned()).and_then(checkpoint_time)
}
