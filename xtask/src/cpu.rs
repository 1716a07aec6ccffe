//! CPU time of this process and of all that it ran.

use std::fs;
use std::time::Duration;

/// What `/proc` counts in, on every machine that Linux still runs on.
const TICK: Duration = Duration::from_millis(10);

/// User and system time so far of this process and of the children that it waited for, with theirs; none where there is
/// no `/proc`.
pub(crate) fn taken() -> Option<Duration> {
    ticks(&fs::read_to_string("/proc/self/stat").ok()?).map(|ticks| TICK * ticks)
}

/// `utime`, `stime`, `cutime` and `cstime` of proc_pid_stat(5), the 14th to the 17th field. The second is a name in
/// parentheses that may hold blanks.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u32> = fields.split_whitespace().skip(11).take(4).map_while(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_times_are_summed() {
        let stat = "12 (a ) name) S 1 2 3 4 5 6 7 8 9 10 1000 200 30 4 20 0 8 0 99";
        assert_eq!(ticks(stat), Some(1234));
        assert_eq!(ticks("12 (name) S 1 2"), None);
    }
}
