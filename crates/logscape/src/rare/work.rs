//! The pilot and the repeats as work that can be paused between any two looks.

use serde::{Deserialize, Serialize};

use super::flux::{Counted, Flux, Pilot, Placement, Until};
use super::forward_flux::ForwardFlux;
use super::splitting::{Passage, Splitting};
use super::walk::{Halt, Parts, PausedWalk, Streams, Walker};
use super::{NotFound, RareMethod, RareRun, Score};
use crate::engine::Dynamics;

/// What a pilot is at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Search {
    /// Where home is.
    Pilot(Pilot),
    /// How long as many excursions take as a repeat has.
    Flux { placement: Placement, flux: Flux },
    /// Which interfaces forward flux sampling has: the levels of splitting that drops a share of `CUTS`.
    Interfaces { placement: Placement, flux: Flux, cut: usize, splitting: Splitting },
}

/// What a repeat is at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Repetition {
    /// How often excursions begin.
    Flux(Flux),
    /// Whether they come to the exit.
    Splitting { counted: Counted, splitting: Splitting },
    /// The same.
    ForwardFlux { counted: Counted, forward_flux: ForwardFlux },
}

/// Work at which a block of replicas can be.
pub(super) trait Work: Sized {
    /// What all works of this kind share.
    type Given;
    /// What it comes to.
    type Output;

    /// Begins it.
    fn begin<S: Score>(walker: &mut Walker<'_, '_, S>, run: &RareRun, streams: &mut Streams) -> Self;

    /// Goes on with it to its end.
    fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        run: &RareRun,
        given: &Self::Given,
        streams: &mut Streams,
    ) -> Result<Self::Output, Halt>;

    /// The number of jobs that lanes can have, where the parts fit each other, so many lanes and so many parameters.
    fn jobs(&self, lanes: usize, dim: usize) -> Option<usize>;
}

/// Work that was paused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Paused<W> {
    work: W,
    walk: PausedWalk,
    streams: Streams,
}

/// What came of work, of so many replica-steps, in which so many replicas diverged; where the steps that were allowed are used
/// up, nothing did.
pub(super) struct Done<T> {
    pub(super) output: Option<T>,
    pub(super) cost: u64,
    pub(super) diverged: u64,
    /// Lanes of the block.
    pub(super) lanes: u64,
}

/// Goes on with work that was paused, or begins it with the streams of `number`. Work that was paused and does not fit the
/// run is begun again: it comes to the same.
pub(super) fn work<W: Work, S: Score>(
    run: &RareRun,
    parts: &Parts<'_, '_, S>,
    given: &W::Given,
    number: u64,
    paused: Option<Paused<W>>,
) -> Result<Done<W::Output>, Paused<W>> {
    let mut walker = Walker::new(run, parts);
    let [lanes, dim] = [walker.lanes(), parts.dynamics.dim()];
    let fits =
        |paused: &Paused<W>| paused.work.jobs(lanes, dim).is_some_and(|jobs| paused.walk.fits([lanes, dim, jobs]));
    let (mut work, mut streams) = if let Some(Paused { work, walk, streams }) = paused.filter(fits) {
        walker.go_on(&walk);
        (work, streams)
    } else {
        let mut streams = Streams::new(run.seed, number);
        (W::begin(&mut walker, run, &mut streams), streams)
    };
    let output = match work.advance(&mut walker, run, given, &mut streams) {
        Ok(output) => Some(output),
        Err(Halt::Budget) => None,
        Err(Halt::Paused) => return Err(Paused { work, walk: walker.pause(), streams }),
    };
    Ok(Done { output, cost: walker.cost, diverged: walker.diverged, lanes: lanes as u64 })
}

/// Shares that the pilot of forward flux sampling tries to drop; a quarter passes an interface if it can.
const CUTS: [f64; 3] = [0.75, 0.5, 0.25];

impl Work for Search {
    type Given = ();
    type Output = Result<Placement, NotFound>;

    fn begin<S: Score>(walker: &mut Walker<'_, '_, S>, run: &RareRun, streams: &mut Streams) -> Self {
        Self::Pilot(Pilot::begin(walker, &run.start, streams))
    }

    fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        run: &RareRun,
        (): &(),
        streams: &mut Streams,
    ) -> Result<Self::Output, Halt> {
        loop {
            *self = match self {
                Self::Pilot(pilot) => match pilot.advance(walker, &run.start, streams)? {
                    Ok(placement) => Self::Flux { placement, flux: Flux::begin(walker, &run.start, streams) },
                    Err(reason) => return Ok(Err(reason)),
                },
                Self::Flux { placement, flux } => {
                    let until = Until::Excursions(run.trajectories);
                    flux.advance(walker, (&run.start, until), placement, streams)?;
                    let placement = Placement { steps: flux.steps, cost: walker.cost, ..placement.clone() };
                    if run.method == RareMethod::Splitting {
                        return Ok(Ok(placement));
                    }
                    let splitting = Splitting::begin(&flux.entries, streams);
                    Self::Interfaces { placement, flux: flux.clone(), cut: 0, splitting }
                }
                Self::Interfaces { placement, flux, cut, splitting } => {
                    let Some(share) = CUTS.get(*cut) else { return Ok(Err(NotFound::NoInterfaces)) };
                    let passage = splitting.advance(walker, &placement.ladder(), *share, streams)?;
                    if passage.reached > 0 {
                        let found = Placement { interfaces: passage.levels, cost: walker.cost, ..placement.clone() };
                        return Ok(Ok(found));
                    }
                    let splitting = Splitting::begin(&flux.entries, streams);
                    Self::Interfaces { placement: placement.clone(), flux: flux.clone(), cut: *cut + 1, splitting }
                }
            };
        }
    }

    fn jobs(&self, lanes: usize, dim: usize) -> Option<usize> {
        match self {
            Self::Pilot(_) => Some(lanes),
            Self::Flux { flux, .. } => flux.fits([lanes, dim]).then_some(lanes),
            Self::Interfaces { flux, splitting, .. } => {
                (flux.fits([lanes, dim]) && splitting.fits(dim)).then_some(splitting.jobs())
            }
        }
    }
}

impl Work for Repetition {
    type Given = Placement;
    type Output = (Counted, Passage);

    fn begin<S: Score>(walker: &mut Walker<'_, '_, S>, run: &RareRun, streams: &mut Streams) -> Self {
        Self::Flux(Flux::begin(walker, &run.start, streams))
    }

    fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        run: &RareRun,
        placement: &Placement,
        streams: &mut Streams,
    ) -> Result<Self::Output, Halt> {
        let (ladder, interfaces) = (placement.ladder(), &placement.interfaces);
        loop {
            *self = match self {
                Self::Flux(flux) => {
                    flux.advance(walker, (&run.start, Until::Steps(placement.steps)), placement, streams)?;
                    let (counted, entries) = (flux.counted(), &flux.entries);
                    match run.method {
                        RareMethod::Splitting => {
                            Self::Splitting { counted, splitting: Splitting::begin(entries, streams) }
                        }
                        RareMethod::ForwardFlux => {
                            let forward_flux = ForwardFlux::begin(entries, interfaces, streams);
                            Self::ForwardFlux { counted, forward_flux }
                        }
                    }
                }
                Self::Splitting { counted, splitting } => {
                    return Ok((*counted, splitting.advance(walker, &ladder, run.cut, streams)?));
                }
                Self::ForwardFlux { counted, forward_flux } => {
                    return Ok((*counted, forward_flux.advance(walker, &ladder, interfaces, streams)?));
                }
            };
        }
    }

    fn jobs(&self, lanes: usize, dim: usize) -> Option<usize> {
        match self {
            Self::Flux(flux) => flux.fits([lanes, dim]).then_some(lanes),
            Self::Splitting { splitting, .. } => splitting.fits(dim).then(|| splitting.jobs()),
            Self::ForwardFlux { forward_flux, .. } => forward_flux.fits(dim).then(|| forward_flux.jobs()),
        }
    }
}
