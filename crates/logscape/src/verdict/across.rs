//! Verdicts of several settings against each other.

use super::Verdict;
use super::errors::Refutation;
use crate::SgdSettings;
use std::fmt;

/// One theory over all settings of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its name.
    pub theory: String,
    /// Settings where it holds.
    pub agrees: usize,
    /// Settings where it holds, passes every check that it rests on, and is refuted at no neighbour.
    pub trusted: usize,
    /// Settings that its checks allow and where it fails.
    pub refuted: usize,
}

/// The verdict over all settings of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyVerdict {
    /// Settings whose escape was measured or found to be impossible.
    pub settings: usize,
    /// The theories that hold somewhere: those that are refuted nowhere first, then by the number of settings where they are
    /// trusted, then where they agree.
    pub theories: Vec<Standing>,
}

impl StudyVerdict {
    /// The theory to trust over the study: trusted at the most settings, and refuted at none that its checks allow.
    pub fn trusted(&self) -> Option<&Standing> {
        self.theories.first().filter(|theory| theory.trusted > 0 && theory.refuted == 0)
    }
}

impl fmt::Display for StudyVerdict {
    /// One sentence without its stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.settings;
        match (self.trusted(), self.theories.iter().max_by_key(|theory| theory.agrees)) {
            (Some(trusted), _) => write!(
                f,
                "trust {}, which agrees at {} of {of} settings, passes its checks at {} of them, and fails nowhere that they allow",
                trusted.theory, trusted.agrees, trusted.trusted
            ),
            (None, Some(most)) => {
                let why = match most.refuted {
                    0 => "its checks allow none of them".to_owned(),
                    refuted => format!("it fails at {refuted} that its checks allow"),
                };
                write!(
                    f,
                    "no theory is trusted; {} agrees at most, {} of {of} settings, but {why}",
                    most.theory, most.agrees
                )
            }
            (None, None) => write!(f, "no theory is seen to hold at any of {of} settings"),
        }
    }
}

/// Compares the verdicts of a study's settings: notes at each theory that holds where it fails at a neighbour that its checks allow,
/// and returns the verdict over all. A neighbour is the setting with the next learning rate at the same batch size, or the next
/// batch size at the same learning rate, on either side; sampling is the same.
pub fn compare(settings: &mut [(SgdSettings, Verdict)]) -> StudyVerdict {
    let failing: Vec<Vec<(String, Refutation)>> =
        settings.iter().map(|(sgd, verdict)| failures(*sgd, verdict)).collect();
    for here in 0..settings.len() {
        let neighbours = neighbours(settings, here);
        for theory in settings[here].1.theories.iter_mut().filter(|theory| theory.holds == Some(true)) {
            let failures = neighbours.iter().flat_map(|&there| &failing[there]);
            theory.refuted_at =
                failures.filter(|(name, _)| *name == theory.theory).map(|(_, refutation)| *refutation).collect();
        }
    }
    let mut theories: Vec<Standing> = Vec::new();
    for (_, verdict) in &*settings {
        for theory in verdict.agrees() {
            if !theories.iter().any(|standing| standing.theory == theory.theory) {
                theories.push(Standing { theory: theory.theory.clone(), agrees: 0, trusted: 0, refuted: 0 });
            }
        }
    }
    for standing in &mut theories {
        let of = |verdict: &Verdict| verdict.theories.iter().find(|theory| theory.theory == standing.theory).cloned();
        let assessments: Vec<_> = settings.iter().filter_map(|(_, verdict)| of(verdict)).collect();
        let holding = || assessments.iter().filter(|theory| theory.holds == Some(true));
        standing.agrees = holding().count();
        standing.trusted = holding().filter(|theory| theory.is_allowed()).count();
        standing.refuted = failing.iter().flatten().filter(|(name, _)| *name == standing.theory).count();
    }
    let key = |theory: &Standing| (theory.refuted == 0, theory.trusted, theory.agrees);
    theories.sort_by_key(|theory| std::cmp::Reverse(key(theory)));
    StudyVerdict { settings: settings.len(), theories }
}

/// The theories that fail here although their checks allow them.
fn failures(sgd: SgdSettings, verdict: &Verdict) -> Vec<(String, Refutation)> {
    let failing =
        verdict.theories.iter().filter(|theory| theory.holds == Some(false) && theory.failed_checks.is_empty());
    let refutation = |error| Refutation { learning_rate: sgd.learning_rate, batch_size: sgd.batch_size, error };
    failing.map(|theory| (theory.theory.clone(), refutation(theory.error))).collect()
}

/// The nearest settings that differ from this one by the learning rate alone, or by the batch size alone, on either side.
fn neighbours(settings: &[(SgdSettings, Verdict)], here: usize) -> Vec<usize> {
    let place = |k: usize| (settings[k].0.learning_rate, settings[k].0.batch_size as f64, settings[k].0.sampling);
    let (rate, batch, sampling) = place(here);
    let mut found = Vec::new();
    for along_rate in [true, false] {
        for above in [true, false] {
            // How far beyond, on this side; infinite elsewhere.
            let distance = |k: &usize| {
                let (other_rate, other_batch, other_sampling) = place(*k);
                let (mine, other, same) = if along_rate {
                    (rate, other_rate, batch == other_batch)
                } else {
                    (batch, other_batch, rate == other_rate)
                };
                let ratio = if above { other / mine } else { mine / other };
                if same && sampling == other_sampling && ratio > 1.0 { ratio } else { f64::INFINITY }
            };
            let nearest = (0..settings.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
            found.extend(nearest.filter(|k| distance(k).is_finite()));
        }
    }
    found
}
