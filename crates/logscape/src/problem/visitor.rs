//! What is done with a problem whose type is found out when it runs.

use crate::network::Network;

use super::{LaneModel, LaneSamples, NetworkModel, Problem, RowModel, SumModel};

/// Code that is compiled for each type of problem, by what the type offers. [`visit`](super::visit) calls one of the
/// methods with the problem's own type, so that nothing within a step goes through a pointer.
///
/// Only [`general`](Self::general) is required; each other method does what the one for less does.
pub trait Visitor<'a>: Sized {
    /// What comes of it.
    type Output;

    /// A problem of which nothing more is known.
    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output;

    /// A model that is evaluated in lanes.
    fn lanes<M: LaneModel + LaneSamples>(self, model: &'a M) -> Self::Output {
        self.general(model)
    }

    /// A function of the inner product of `θ` with an input.
    fn rows<M: RowModel>(self, model: &'a M) -> Self::Output {
        self.lanes(model)
    }

    /// Such a function whose gradient depends on a batch by sums.
    fn sums<M: RowModel + SumModel>(self, model: &'a M) -> Self::Output {
        self.rows(model)
    }

    /// A network of dense layers with one activation function and the mean-square loss.
    fn perceptron<M: NetworkModel>(self, model: &'a M) -> Self::Output {
        self.general(model)
    }

    /// A network of any layers.
    fn network(self, network: &'a Network) -> Self::Output {
        self.general(network)
    }
}
