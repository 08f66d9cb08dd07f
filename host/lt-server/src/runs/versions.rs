//! Which versions of its scenarios a run's users run.

use lt_run::{SwapSeen, Tick, VersionSeen};

use super::model::{Run, SwapState, VersionInUse};
use super::time::milliseconds;
use crate::scenarios::Loaded;

/// The version that a part begins with: all its users are to run it.
pub(crate) fn first(loaded: &Loaded) -> VersionInUse {
    VersionInUse {
        label: loaded.label.clone(),
        version: loaded.scenario.description().version.clone(),
        digest: loaded.digest.clone(),
        share: 1.0,
        current: true,
        ..VersionInUse::default()
    }
}

/// Take in how many users run which. Before any of them does, what the run begins with stays. Returns whether a swap came
/// further.
pub(crate) fn take_in(run: &mut Run, tick: &Tick<'_>) -> bool {
    let mut came_further = false;
    for part in &mut run.parts {
        let name = part.name.as_str();
        let mut versions = tick.versions.iter().filter(|seen| *seen.part == *name);
        if let Some(first) = versions.next() {
            part.versions.clear();
            part.versions.push(version(first));
            part.versions.extend(versions.map(version));
        }
        let mut swaps = tick.swaps.iter().rev();
        if let Some(seen) = swaps.find(|seen| *seen.part == *name) {
            let now = swap(seen);
            let state = part.swap.as_ref().map(|before| &before.state);
            came_further |= state != Some(&now.state);
            part.swap = Some(now);
        }
    }
    came_further
}

fn version(seen: &VersionSeen) -> VersionInUse {
    VersionInUse {
        label: seen.label.to_string(),
        version: seen.version.to_string(),
        digest: seen.digest.to_string(),
        share: seen.share,
        users: seen.users,
        iterations: seen.iterations,
        failures: seen.failures,
        joins_failed: seen.joins_failed,
        current: seen.current,
    }
}

fn swap(seen: &SwapSeen) -> SwapState {
    SwapState {
        to: seen.to.to_string(),
        from: seen.from.to_string(),
        share: seen.share,
        drain: seen.drain,
        state: seen.stage.name().to_owned(),
        reason: seen.reason.clone(),
        started_elapsed_ms: milliseconds(seen.started),
        completed_elapsed_ms: seen.completed.map(milliseconds),
    }
}
