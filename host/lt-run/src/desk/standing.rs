//! How the run stands, and telling it.

use lt_load::Signal;

use super::Desk;
use crate::cores::{Crew, Part};
use crate::rollout::versions_of;
use crate::run::{PartSeen, Stage, Tick};

/// Sums over the scenarios of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) planned: u64,
    pub(super) built: u64,
    pub(super) ready: u64,
    pub(super) active: u64,
    pub(super) iterations: u64,
    pub(super) open: u64,
}

impl Desk<'_> {
    pub(super) fn count(&self) -> Count {
        let mut count = Count::default();
        for part in self.crew.iter().flat_map(|crew| &crew.parts) {
            let tally = part.relay.tally();
            count.planned += tally.planned;
            count.built += tally.built;
            // Replacements are built one after the other: what counts is how many there may be at a time.
            count.ready += tally.ready.min(tally.planned);
            count.active += tally.active;
            count.iterations += tally.iterations;
            count.open += tally.open;
        }
        count
    }

    pub(super) fn stage(&self, crew: &Crew) -> Stage {
        let has_begun = self.clock.is_some();
        if !has_begun && crew.all_told(|signal| signal == Signal::Prepare) {
            Stage::Building
        } else if crew.is_over() || crew.all_told(|signal| signal.rank() >= Signal::Stop.rank()) {
            Stage::Stopping
        } else {
            Stage::Running
        }
    }

    pub(super) fn show(&mut self, stage: Stage, whole_second: bool) {
        let count = self.count();
        let parts: Vec<PartSeen> = match &self.crew {
            Some(crew) => crew.parts.iter().map(Part::seen).collect(),
            None => Vec::new(),
        };
        let changes = std::mem::take(&mut self.changes_seen);
        let crews = self.crew.iter().flat_map(|crew| &crew.parts);
        let versions: Vec<_> = crews.flat_map(versions_of).collect();
        let swaps = self.swaps.seen();
        let tick = Tick {
            stage,
            elapsed: self.elapsed,
            users_built: count.built,
            users_active: count.active,
            users_planned: count.planned,
            iterations: count.iterations,
            iterations_open: count.open,
            steady: self
                .steady
                .as_ref()
                .map(|steady| (self.steady_users, steady.requested())),
            saturated: self.saturation.now(),
            generator: self.saturation.load(),
            thresholds: &self.judged,
            parts: &parts,
            versions: &versions,
            swaps: &swaps,
            changes: &changes,
            streams: self.streams.tables(),
            totals: &self.totals,
            interval: whole_second.then_some(&self.interval),
        };
        (self.observe)(&tick);
    }
}
