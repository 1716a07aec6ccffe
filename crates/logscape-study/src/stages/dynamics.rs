//! The dynamics of a study in one setting: SGD, and those beside it.

use super::Setting;
use crate::asked::DynamicsTable;
use crate::error::RunError;
use crate::names::SGD;
use logscape::dynamics::{AtMinimum, BuildError, Built, Options, by_name};
use logscape::engine::{Dynamics, TimeUnit};
use logscape::ensemble::{EscapeRun, Region};
use serde::Serialize;

/// A dynamics of the study in one setting.
pub(super) struct StudyDynamics<'a> {
    /// Its name in the record.
    pub(super) name: &'a str,
    /// Its kind.
    pub(super) kind: &'a str,
    /// The options that the study gives it.
    pub(super) options: Options,
    /// SGD in this setting.
    pub(super) setting: Setting,
    /// The dynamics.
    pub(super) built: Built<'a>,
}

/// What a dynamics depends on beside the minimum and its geometry.
#[derive(Serialize)]
pub(super) struct DynamicsInput<'a> {
    kind: &'a str,
    options: &'a Options,
    setting: logscape::SgdSettings,
    precision: logscape::Precision,
}

/// Everything that moves in one setting.
pub(super) struct AllDynamics<'a> {
    /// SGD itself.
    pub(super) sgd: StudyDynamics<'a>,
    /// What the study runs beside it.
    pub(super) others: Vec<StudyDynamics<'a>>,
}

impl<'a> AllDynamics<'a> {
    /// SGD and the dynamics of `tables`.
    pub(super) fn build(
        at: &'a AtMinimum<'a>,
        setting: Setting,
        tables: &'a [DynamicsTable],
    ) -> Result<Self, RunError> {
        let other = |table: &'a DynamicsTable| {
            StudyDynamics::build(at, setting, (&table.name, &table.kind), table.options.clone())
        };
        Ok(Self {
            sgd: StudyDynamics::build(at, setting, (SGD, SGD), Options::default())?,
            others: tables.iter().map(other).collect::<Result<_, _>>()?,
        })
    }

    /// SGD first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &StudyDynamics<'a>> {
        std::iter::once(&self.sgd).chain(&self.others)
    }
}

impl<'a> StudyDynamics<'a> {
    fn build(
        at: &'a AtMinimum<'a>,
        setting: Setting,
        (name, kind): (&'a str, &'a str),
        options: Options,
    ) -> Result<Self, RunError> {
        let refused = |reason: String| RunError::Dynamics { name: name.to_owned(), reason };
        let known = by_name(kind).ok_or_else(|| refused(format!("there is no dynamics `{kind}`")))?;
        let built = known.build(at, setting.sgd, &options).map_err(|error| match error {
            BuildError::Interrupted(stop) => stop.into(),
            error => refused(error.to_string()),
        })?;
        Ok(Self { name, kind, options, setting, built })
    }

    pub(super) fn time_unit(&self) -> TimeUnit {
        self.built.dynamics.time_unit()
    }

    /// What it depends on, where SGD has this precision.
    pub(super) fn input(&self, precision: logscape::Precision) -> DynamicsInput<'_> {
        DynamicsInput { kind: self.kind, options: &self.options, setting: self.setting.sgd, precision }
    }

    /// The run that stands for SGD's `run`: its steps are counted in the dynamics' own.
    pub(super) fn own(&self, run: &EscapeRun) -> EscapeRun {
        let region = match &run.region {
            // An event happens at any step of the dynamics, unless the study looks now and then.
            Region::LossLevel { loss, check_every: every @ 2.. } => {
                Region::LossLevel { loss: *loss, check_every: self.built.steps(*every) }
            }
            region => region.clone(),
        };
        EscapeRun { region, max_steps: self.built.steps(run.max_steps), ..run.clone() }
    }
}
