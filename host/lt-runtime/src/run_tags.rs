//! Tags of a run, which may change while it goes on: samples carry what they are when they are recorded.
//!
//! What a core has worked out of them it forgets when they change; a user takes them anew at its next iteration. What was opened
//! before and lives on, such as a socket or a guest's metric, keeps those it was opened with, as do iterations that were dropped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use lt_spec::spec::{RunSpec, ScenarioSpec};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct RunTags {
    /// `None`: those of the spec.
    present: ArcSwapOption<BTreeMap<String, String>>,
    revision: AtomicU64,
}

impl RunTags {
    /// Other tags from now on.
    pub(crate) fn set(&self, tags: BTreeMap<String, String>) {
        self.present.store(Some(tags.into()));
        self.revision.fetch_add(1, Ordering::Release);
    }

    /// How often they have changed. One plain load, for it is asked with each sample.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// All tags of a scenario: the run's, and over them its own.
    pub(crate) fn of(&self, run: &RunSpec, scenario: &ScenarioSpec) -> BTreeMap<String, String> {
        let Some(present) = &*self.present.load() else {
            return scenario.tags.clone();
        };
        // What a scenario has of the run's first tags is not its own.
        let own = scenario.tags.iter();
        let own = own.filter(|(name, value)| run.tags.get(*name) != Some(value));
        let own = own.map(|(name, value)| (name.clone(), value.clone()));
        let mut tags = BTreeMap::clone(present);
        tags.extend(own);
        tags
    }
}

#[cfg(test)]
mod tests {
    use lt_spec::description::Description;
    use lt_spec::{Machine, RawRun, resolve};

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_runs_tags_change_and_the_scenarios_own_stay_over_them() {
        let machine = Machine {
            memory_available_bytes: None,
            cores: 1,
            node: String::new(),
            seed: 7,
            run_id: String::new(),
        };
        let mut run = resolve(&RawRun::default(), &Description::default(), &machine).unwrap();
        run.tags = tags(&[("build", "1"), ("site", "a")]);
        run.scenarios[0].tags = tags(&[("build", "1"), ("site", "a"), ("team", "x")]);
        let (present, scenario) = (RunTags::default(), &run.scenarios[0]);
        assert_eq!(present.of(&run, scenario), scenario.tags);
        assert_eq!(present.revision(), 0);
        present.set(tags(&[("build", "2"), ("team", "y")]));
        assert_eq!(
            present.of(&run, scenario),
            tags(&[("build", "2"), ("team", "x")])
        );
        present.set(BTreeMap::new());
        assert_eq!(present.of(&run, scenario), tags(&[("team", "x")]));
        assert_eq!(present.revision(), 2);
    }
}
