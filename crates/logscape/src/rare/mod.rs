//! Rates of escapes that are too rare to wait for: multilevel splitting and forward flux sampling.
//!
//! Both follow one chain, whose exact mean they estimate. The chain is put back to the start when it leaves the region;
//! then exits per step are, in the long run, one over the mean number of steps from the start to the exit (renewal
//! theorem; the Hill relation of Baudel, Guyader & Lelièvre 2023, *Nonlinearity* 36, 1431). Every exit ends one excursion,
//! which begins when the chain, at home since the last one, first has a score above a first level. So
//!
//! `exits per step = (excursions per step) × P(an excursion reaches the exit before it is home again)`.
//!
//! The first factor comes from simulation, and with it the starts of the excursions. The second comes from these starts by
//! branching: [`RareMethod::Splitting`] or [`RareMethod::ForwardFlux`]. Both are unbiased for any [`Score`], for chains that
//! jump over levels, and for ties; a good score, one that rises with the probability to escape from where it is, makes the
//! error small. The whole is repeated with independent random numbers, and the interval comes from these repeats alone.
//!
//! | goal | method | works when | gives |
//! |---|---|---|---|
//! | some replicas escape in time | [`EscapeRun`](crate::ensemble::EscapeRun) | `mean steps ≲ max_steps` | the law of the escape times |
//! | none does | `Splitting` | the start is a metastable state | the mean escape time |
//! | none does, and states must not be kept | `ForwardFlux` | the same | the same, with about 1.5 times the variance per step |

mod climb;
mod flux;
mod forward_flux;
mod run;
mod score;
mod splitting;
#[cfg(test)]
mod tests;
mod types;
mod walk;

pub use flux::Placement;
pub use run::RareProgress;
pub use score::{
    Along, BallScore, BoxScore, LossScore, PathScore, PlaneScore, RegionScore, Score, ScoreError, Tabulated,
};
pub use types::{NotFound, RareError, RareMethod, RareRun};
