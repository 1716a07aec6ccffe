//! Which layout SGD on a problem runs in.

use std::marker::PhantomData;

use super::{LaneSgd, ManySgd, MlpSgd, NetworkSgd, RowSgd, SUM_DIM, SUM_SAMPLES, Sgd, SgdError, SumSgd};
use crate::engine::AnyDynamics;
use crate::network::{Float, Network};
use crate::problem::{LaneModel, LaneSamples, NetworkModel, RowModel, SumModel, Visitor, visit};
use crate::random::Gaussian;
use crate::{Precision, Problem, Sampling, SgdSettings};

/// Parameters up to which inner products are faster with one replica in each lane.
const LANE_DIM: usize = 3;

/// Batch size from which sums of rows are faster than the gradient of each sample.
const SUM_BATCH: usize = 4;

impl<'a> Sgd<'a, dyn Problem + 'a> {
    /// SGD on `problem` in the fastest layout that there is for the problem, the settings and the precision.
    ///
    /// # Errors
    /// If no run can have these settings, or there is no code in single precision for them.
    pub fn on(
        problem: &'a dyn Problem,
        settings: SgdSettings,
        precision: Precision,
    ) -> Result<AnyDynamics<'a>, SgdError> {
        match precision {
            Precision::Float32 => visit(problem, Layout { settings, precision, real: PhantomData::<f32> }),
            Precision::Float64 => visit(problem, Layout { settings, precision, real: PhantomData::<f64> }),
        }
    }
}

/// SGD in the precision of `R`, which is `precision`.
struct Layout<R> {
    settings: SgdSettings,
    precision: Precision,
    real: PhantomData<R>,
}

impl<R> Layout<R> {
    fn is_with_replacement(&self) -> bool {
        self.settings.sampling == Sampling::WithReplacement
    }
}

impl<'a, R: Gaussian + Float> Visitor<'a> for Layout<R> {
    type Output = Result<AnyDynamics<'a>, SgdError>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        match self.precision {
            Precision::Float32 => Err(SgdError::Precision),
            Precision::Float64 if problem.replicas_at_once() > 1 => {
                Ok(AnyDynamics::new(ManySgd::new(problem, self.settings)?))
            }
            Precision::Float64 => Ok(AnyDynamics::new(Sgd::new(problem, self.settings)?)),
        }
    }

    fn lanes<M: LaneModel + LaneSamples>(self, model: &'a M) -> Self::Output {
        if !self.is_with_replacement() {
            return self.general(model);
        }
        let SgdSettings { learning_rate, batch_size, .. } = self.settings;
        Ok(AnyDynamics::new(LaneSgd::<R, _>::new(model, learning_rate, batch_size)?))
    }

    fn rows<M: RowModel>(self, model: &'a M) -> Self::Output {
        if !self.is_with_replacement() || model.dim() <= LANE_DIM {
            return self.lanes(model);
        }
        let SgdSettings { learning_rate, batch_size, .. } = self.settings;
        Ok(AnyDynamics::new(RowSgd::<R, _>::new(model, learning_rate, batch_size)?))
    }

    fn sums<M: RowModel + SumModel>(self, model: &'a M) -> Self::Output {
        let SgdSettings { learning_rate, batch_size, .. } = self.settings;
        let fits = model.dim() == SUM_DIM && model.samples() <= SUM_SAMPLES && batch_size >= SUM_BATCH;
        if !self.is_with_replacement() || !fits {
            return self.rows(model);
        }
        Ok(AnyDynamics::new(SumSgd::<R, _>::new(model, learning_rate, batch_size)?))
    }

    fn perceptron<M: NetworkModel>(self, model: &'a M) -> Self::Output {
        Ok(AnyDynamics::new(MlpSgd::<R>::new(model, self.settings)?))
    }

    fn network(self, network: &'a Network) -> Self::Output {
        Ok(match MlpSgd::<R>::on(network, self.settings) {
            Some(perceptron) => AnyDynamics::new(perceptron?),
            None => AnyDynamics::new(NetworkSgd::<R>::new(network, self.settings)?),
        })
    }
}
