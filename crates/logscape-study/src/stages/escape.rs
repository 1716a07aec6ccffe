//! How an escape time is measured: by direct simulation, by splitting, or as the first replicas suggest.

use super::direct::DirectEscape;
use super::dynamics::{AllDynamics, StudyDynamics};
use super::measured::factor;
use super::plan::{EscapePlan, Found, Outcome};
use super::rare::rare;
use crate::asked::EscapeMethod;
use crate::error::RunError;
use crate::events::Event;
use crate::record::{CommittedRecord, EscapeRecord, EscapeRow, LookBias, MeasuredRecord};
use crate::text::count;
use logscape::ensemble::{COMMITTED, EscapeRun, Region, Termination, survival_times};
use logscape::rare::RareMethod;
use logscape::reference::chain::{Confinement, confinement};
use logscape::reference::reach::apart;
use logscape::stats::{RateEstimate, log10_ratio_of_means};
use logscape::theory::Prediction;
use logscape::{Barrier, SgdSettings, WayOut};

/// Escapes that are enough for direct simulation, or half of the replicas where that is less: 100 give the mean within
/// 20 %, about as well as splitting does.
const ENOUGH: usize = 100;
/// The share of the replicas that is run first, one in so many, and their least number.
const FIRST: (usize, usize) = (16, 16);

/// Replicas that tell what looks do to the times.
const SEEN_TWICE: usize = 64;

/// Why there is no escape from a minimum that interpolates.
const AT_REST: &str =
    "the fit interpolates, so that every sample's gradient vanishes at the minimum, and SGD that starts there stays";

/// `1 is`, `2 are`.
fn are(number: usize) -> String {
    format!("{number} {}", if number == 1 { "is" } else { "are" })
}

/// What the first replicas suggest.
enum Pilot {
    /// All replicas, and why.
    All(String),
    /// Splitting, and why.
    Rare(String),
}

impl EscapePlan<'_> {
    /// Refuses what a setting cannot have.
    pub(super) fn check(&self, sgd: &SgdSettings) -> Result<(), RunError> {
        if self.table.method != EscapeMethod::Direct {
            super::rare::check(self, sgd)?;
        }
        if self.table.committed { committed_region(self, sgd).map(|_| ()) } else { Ok(()) }
    }

    /// How a dynamics escapes, by the method of the study.
    fn measure(&self, dynamics: &StudyDynamics) -> Result<Found, RunError> {
        let asked = || "the study asks for it".to_owned();
        let direct = |why| Ok(Found { outcome: Outcome::Direct(self.ends(dynamics, self.run.replicas)?), why });
        let rare = |method, why| Ok(Found { outcome: Outcome::Rare(Box::new(rare(self, dynamics, method)?)), why });
        match self.table.method {
            EscapeMethod::Direct => direct(asked()),
            EscapeMethod::Splitting => rare(RareMethod::Splitting, asked()),
            EscapeMethod::ForwardFlux => rare(RareMethod::ForwardFlux, asked()),
            EscapeMethod::Auto => match self.pilot(dynamics)? {
                Pilot::All(why) => direct(why),
                Pilot::Rare(why) => {
                    let method = RareMethod::Splitting;
                    self.context.events.tell(&Event::Method {
                        setting: dynamics.setting.number,
                        dynamics: dynamics.name.to_owned(),
                        method: method.name(),
                        why: why.clone(),
                    });
                    let found = super::rare::rare(self, dynamics, method)?;
                    match found.not_found() {
                        None => Ok(Found { outcome: Outcome::Rare(Box::new(found)), why }),
                        Some(tried) => direct(format!("{why}, but there is no rate from {tried}")),
                    }
                }
            },
        }
    }

    /// How the first `replicas` of the direct ensemble end.
    fn ends(&self, dynamics: &StudyDynamics, replicas: usize) -> Result<Vec<Termination>, RunError> {
        let run = EscapeRun { replicas, ..dynamics.own(self.run) };
        let progress = self.context.ensemble(&DirectEscape::new(self, dynamics, &run))?;
        Ok(progress.terminations(&run))
    }

    /// Runs the first replicas of the direct ensemble, and more of them until it is clear whether enough of all would
    /// escape: by the mean where that says so, else by the upper end of the rate's interval.
    fn pilot(&self, dynamics: &StudyDynamics) -> Result<Pilot, RunError> {
        let all = self.run.replicas;
        let enough = ENOUGH.min(all / 2).max(1);
        let max_steps = dynamics.own(self.run).max_steps;
        let expected = |rate: f64| all as f64 * -(-rate * max_steps as f64).exp_m1();
        let (share, least) = FIRST;
        let mut first = (all / share).max(least);
        while first < all {
            let ends = self.ends(dynamics, first)?;
            let rate = RateEstimate::from_observations(&survival_times(&ends), 0, "pilot", self.run.seed);
            let seen =
                format!("of the first {first} replicas {} escaped within {}", rate.escaped, count(max_steps, "step"));
            let mean = rate.rate_per_step.map_or(0.0, |rate| rate.value);
            let most = rate.rate_per_step.map_or(1.0 / rate.mean_steps_lower_bound, |rate| rate.ci95[1]);
            if expected(mean) >= enough as f64 {
                let will = expected(mean);
                return Ok(Pilot::All(format!(
                    "{seen}, so that about {will:.0} of {all} will, and {} enough",
                    are(enough)
                )));
            }
            if expected(most) < enough as f64 {
                let most = expected(most);
                let why = format!("{seen}, so that at most {most:.0} of {all} would, where {} enough", are(enough));
                return Ok(Pilot::Rare(why));
            }
            first *= 2;
        }
        Ok(Pilot::All(format!("fewer than {} would not show that under {enough} escape", count(all, "replica"))))
    }
}

/// Measures the escape of every dynamics; returns the record, and the rows of the table of escape times.
pub(super) fn escape(
    plan: &EscapePlan,
    all: &AllDynamics,
    predictions: &[Prediction],
) -> Result<(EscapeRecord, Vec<EscapeRow>), RunError> {
    let (sgd, seed) = (&all.sgd, plan.run.seed);
    let mut rows = Vec::new();
    let mut measure = |dynamics: &StudyDynamics| {
        let found = plan.measure(dynamics)?;
        rows.extend(dynamics.rows(&found));
        Ok::<_, RunError>(found)
    };
    let geometry = &plan.known.geometry.value;
    let at_rest = plan.known.minimum.value.converged;
    // Without noise it is a point at rest that stays; one that is accepted without being so drifts.
    let theta = &plan.known.minimum.value.theta;
    let confined = confinement(geometry, &plan.barrier.value, &sgd.setting.sgd)
        .or_else(|| apart(plan.context.problem, theta, &plan.run.region, &sgd.setting.sgd))
        .filter(|found| at_rest || *found != Confinement::NoNoise)
        .map(|found| found.to_string());
    let impossible = geometry.interpolating.as_ref().map(|_| AT_REST.to_owned()).or(confined);
    let measured = if impossible.is_some() {
        MeasuredRecord::impossible()
    } else {
        let found = measure(sgd)?;
        MeasuredRecord { look_bias: look_bias(plan, sgd, &found)?, ..sgd.measured(&found, seed) }
    };
    let mut record = EscapeRecord::new(plan.run.region.clone(), predictions, measured, sgd.setting.sgd.learning_rate);
    record.impossible = impossible;
    if plan.table.committed && record.impossible.is_none() {
        record.committed = Some(committed(plan, sgd, &record.measured)?);
    }
    for dynamics in &all.others {
        let found = measure(dynamics)?;
        record.dynamics.push(dynamics.record(&found, &record.measured, seed));
    }
    Ok((record, rows))
}

/// What looks that are more than a step apart make of the times: the first replicas of a direct ensemble are run again, with every
/// step seen.
fn look_bias(plan: &EscapePlan, sgd: &StudyDynamics, found: &Found) -> Result<Option<LookBias>, RunError> {
    let (Region::LossLevel { loss, check_every: check_every @ 2.. }, Outcome::Direct(ends)) =
        (&plan.run.region, &found.outcome)
    else {
        return Ok(None);
    };
    let region = Region::LossLevel { loss: *loss, check_every: 1 };
    let run = EscapeRun { region, replicas: ends.len().min(SEEN_TWICE), ..plan.run.clone() };
    let seen = survival_times(&EscapePlan { run: &run, ..*plan }.ends(sgd, run.replicas)?);
    let pairs: Vec<_> = survival_times(ends).into_iter().zip(seen).map(|(looked, seen)| [looked, seen]).collect();
    let replicas = pairs.len() as u64;
    Ok(Some(LookBias { check_every: *check_every, replicas, decades: log10_ratio_of_means(&pairs) }))
}

/// The planes' ways out, and the region whose surfaces are moved outward to where few fall back.
fn committed_region<'a>(plan: &EscapePlan<'a>, sgd: &SgdSettings) -> Result<(&'a [WayOut], Region), RunError> {
    let ways_out: &[WayOut] = if let Barrier::Saddles { ways_out, .. } = &plan.barrier.value { ways_out } else { &[] };
    let batch = sgd.effective_batch_size(plan.known.geometry.value.samples);
    let region = plan.run.region.committed(ways_out, sgd.learning_rate, batch).ok_or_else(|| {
        let message = "the noise or the curvature at a saddle gives no distance to move its surface by";
        RunError::input("escape.committed", format!("{message}\n  hint: use committed = false"))
    })?;
    Ok((ways_out, region))
}

/// Committed escapes of SGD: the passage of the plan's surfaces moved outward to where few fall back.
fn committed(plan: &EscapePlan, sgd: &StudyDynamics, arrivals: &MeasuredRecord) -> Result<CommittedRecord, RunError> {
    let (ways_out, region) = committed_region(plan, &sgd.setting.sgd)?;
    let geometry = &plan.known.geometry.value;
    let batch = sgd.setting.sgd.effective_batch_size(geometry.samples);
    let eta = sgd.setting.sgd.learning_rate;
    let fall = |way: &WayOut| {
        let distance = COMMITTED * way.walk_deviation(eta, batch);
        -0.5 * way.curvature_saddle * distance * distance / (way.loss - geometry.loss)
    };
    let fall = ways_out.iter().map(fall).fold(0.0, f64::max);
    let run = EscapeRun { region: region.clone(), ..plan.run.clone() };
    let found = EscapePlan { run: &run, committed: true, ..*plan }.measure(sgd)?;
    let measured = sgd.measured(&found, run.seed);
    Ok(CommittedRecord { region, fall, factor: factor(&measured, arrivals), measured })
}
