//! The whole study.

use super::check::{Wrong, is_usable, require};
use super::dynamics::check_dynamics;
use super::{
    CurvatureTable, DynamicsTable, EscapeTable, Expectation, MinimumTable, OutputTable, ProblemTable, SaddleTable,
    SgdTable, StationaryTable,
};
use serde::{Deserialize, Serialize};

/// One study, resolved: every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Name, used for the output directory: letters, digits, `-` and `_`.
    pub name: String,
    /// Seed of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// What is trained; none where the caller of the library has a problem of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemTable>,
    /// How the minimum is found.
    #[serde(default)]
    pub minimum: MinimumTable,
    /// How spectra are computed, and what else is measured of which matrices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curvature: Option<CurvatureTable>,
    /// What SGD is run with; lists span a grid. Without it the minimum and its geometry alone are measured.
    #[serde(default, skip_serializing_if = "SgdTable::is_absent")]
    pub sgd: SgdTable,
    /// What runs beside SGD, in the same ensembles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamics: Vec<DynamicsTable>,
    /// Stationary law from one long ensemble per setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stationary: Option<StationaryTable>,
    /// How ways out of a minimum in several dimensions are looked for, where `escape.region` needs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saddle: Option<SaddleTable>,
    /// Escape times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<EscapeTable>,
    /// What is drawn.
    #[serde(default)]
    pub output: OutputTable,
    /// What the results must show; `logscape reproduce` checks it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

impl Study {
    /// The same problem and minimum, of which curvature and noise alone are measured.
    #[must_use]
    pub fn of_curvature(&self) -> Self {
        Self {
            curvature: Some(self.curvature.clone().unwrap_or_default()),
            sgd: SgdTable::default(),
            dynamics: Vec::new(),
            stationary: None,
            saddle: None,
            escape: None,
            expect: Vec::new(),
            output: OutputTable { trajectories: None, ..self.output.clone() },
            ..self.clone()
        }
    }

    /// The most replica-steps that all settings together can take: censored and stationary replicas take all of theirs. An
    /// SDE takes more steps than SGD, by the ratio of its step to the learning rate.
    pub fn most_steps(&self) -> f64 {
        let of = |replicas: usize, steps: u64| replicas as f64 * steps as f64;
        let stationary =
            self.stationary.as_ref().map_or(0.0, |table| of(table.replicas, table.burn_in.saturating_add(table.steps)));
        let escape = self.escape.as_ref().map_or(0.0, EscapeTable::most_steps);
        let runs = |rate: &f64| 1.0 + self.dynamics.iter().map(|table| table.steps_per_sgd_step(*rate)).sum::<f64>();
        let rates = self.sgd.learning_rate.0.iter().map(runs).sum::<f64>();
        let committed = self.escape.as_ref().is_some_and(|table| table.committed);
        let twice = if committed { self.sgd.learning_rate.0.len() as f64 * escape } else { 0.0 };
        self.sgd.batch_size.0.len() as f64 * (rates * (stationary + escape) + twice)
    }

    /// Checks what types cannot: ranges and combinations that need no data.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let name = format!("`{}` is no usable name", self.name);
        require(is_usable(&self.name), "name", name, "use letters, digits, `-` and `_`")?;
        self.problem.as_ref().map_or(Ok(()), ProblemTable::check)?;
        self.minimum.check()?;
        self.curvature.as_ref().map_or(Ok(()), CurvatureTable::check)?;
        self.sgd.check()?;
        let simulates = [
            ("dynamics", !self.dynamics.is_empty()),
            ("stationary", self.stationary.is_some()),
            ("escape", self.escape.is_some()),
            ("output.trajectories", self.output.trajectories.is_some()),
        ];
        if let Some((what, _)) = simulates.into_iter().find(|table| table.1 && self.sgd.is_absent()) {
            return Err(Wrong {
                field: what,
                message: "there is no learning rate and batch size to simulate with".to_owned(),
                hint: "add [sgd] with learning_rate and batch_size",
            });
        }
        check_dynamics(&self.dynamics)?;
        self.output.check()?;
        self.stationary.as_ref().map_or(Ok(()), StationaryTable::check)?;
        self.saddle.as_ref().map_or(Ok(()), SaddleTable::check)?;
        self.escape.as_ref().map_or(Ok(()), EscapeTable::check)?;
        self.expect.iter().try_for_each(Expectation::check)
    }
}
