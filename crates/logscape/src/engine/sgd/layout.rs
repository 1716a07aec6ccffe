//! Which layout SGD on a problem runs in.

use std::marker::PhantomData;

use super::{LaneSgd, MlpSgd, RowSgd, SUM_DIM, SUM_SAMPLES, Sgd, SgdError, SumSgd};
use crate::engine::{AnyDynamics, Dynamics};
use crate::problem::{LaneModel, LaneSamples, NetworkModel, RowModel, SumModel, Visitor, visit};
use crate::random::Gaussian;
use crate::{Precision, Problem, Sampling, SgdSettings};

/// Parameters up to which inner products are faster with one replica in each lane.
const LANE_DIM: usize = 3;

/// Batch size from which sums of rows are faster than the gradient of each sample.
const SUM_BATCH: usize = 4;

impl<'a, P: Problem + ?Sized> Sgd<'a, P> {
    /// SGD on `problem` in the fastest layout that there is for the problem, the settings and the precision.
    ///
    /// # Errors
    /// If no run can have these settings, or there is no code in single precision for them.
    pub fn on(problem: &'a P, settings: SgdSettings, precision: Precision) -> Result<AnyDynamics<'a>, SgdError> {
        struct Forget;
        impl<'a> WithDynamics<'a> for Forget {
            type Output = AnyDynamics<'a>;
            fn with<D: Dynamics + Send + 'a>(self, dynamics: D) -> AnyDynamics<'a> {
                AnyDynamics::new(dynamics)
            }
        }
        match precision {
            Precision::Float32 => visit(problem, Layout::<f32, _>::new(settings, precision, Forget)),
            Precision::Float64 => with_sgd(problem, settings, Forget),
        }
    }
}

/// What is done with a dynamics on a problem that lives for `'a`, whose type is chosen when the problem is known.
pub(crate) trait WithDynamics<'a> {
    /// What comes of it.
    type Output;

    /// Does it.
    fn with<D: Dynamics + Send + 'a>(self, dynamics: D) -> Self::Output;
}

/// Gives SGD on `problem`, in double precision and in the fastest layout that the problem has, to `user`.
///
/// # Errors
/// If no run can have these settings.
pub(crate) fn with_sgd<'a, P: Problem + ?Sized, U: WithDynamics<'a>>(
    problem: &'a P,
    settings: SgdSettings,
    user: U,
) -> Result<U::Output, SgdError> {
    visit(problem, Layout::<f64, _>::new(settings, Precision::Float64, user))
}

/// Gives SGD in the precision of `R`, which is `precision`, to `user`.
struct Layout<R, U> {
    settings: SgdSettings,
    precision: Precision,
    user: U,
    real: PhantomData<R>,
}

impl<R, U> Layout<R, U> {
    fn new(settings: SgdSettings, precision: Precision, user: U) -> Self {
        Self { settings, precision, user, real: PhantomData }
    }

    fn is_with_replacement(&self) -> bool {
        self.settings.sampling == Sampling::WithReplacement
    }
}

impl<'a, R: Gaussian, U: WithDynamics<'a>> Visitor<'a> for Layout<R, U> {
    type Output = Result<U::Output, SgdError>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        match self.precision {
            Precision::Float32 => Err(SgdError::Precision),
            Precision::Float64 => Ok(self.user.with(Sgd::new(problem, self.settings)?)),
        }
    }

    fn lanes<M: LaneModel + LaneSamples>(self, model: &'a M) -> Self::Output {
        if !self.is_with_replacement() {
            return self.general(model);
        }
        let SgdSettings { learning_rate, batch_size, .. } = self.settings;
        Ok(self.user.with(LaneSgd::<R, _>::new(model, learning_rate, batch_size)?))
    }

    fn rows<M: RowModel>(self, model: &'a M) -> Self::Output {
        if !self.is_with_replacement() || model.dim() <= LANE_DIM {
            return self.lanes(model);
        }
        let SgdSettings { learning_rate, batch_size, .. } = self.settings;
        Ok(self.user.with(RowSgd::<R, _>::new(model, learning_rate, batch_size)?))
    }

    fn sums<M: RowModel + SumModel>(self, model: &'a M) -> Self::Output {
        let SgdSettings { learning_rate, batch_size, .. } = self.settings;
        let fits = model.dim() == SUM_DIM && model.samples() <= SUM_SAMPLES && batch_size >= SUM_BATCH;
        if !self.is_with_replacement() || !fits {
            return self.rows(model);
        }
        Ok(self.user.with(SumSgd::<R, _>::new(model, learning_rate, batch_size)?))
    }

    fn network<M: NetworkModel>(self, model: &'a M) -> Self::Output {
        Ok(self.user.with(MlpSgd::<R>::new(model, self.settings)?))
    }
}
