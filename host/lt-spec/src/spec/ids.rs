//! Which ids the users of a scenario may have, also those that it was not planned to have: a run may be given more users, or
//! another load, while it goes on, and an id is one user's in the whole run.

use super::{Identities, RunSpec};
use crate::limits::{CHURN_IDS, USER_ID_MAX};
use crate::spec::Load;

/// The ids of one scenario's users, by their positions: blocks that no other scenario's users have ids in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    identities: Identities,
    /// The first id behind the block of new users.
    new_end: u64,
    /// The first id behind the block of existing ones.
    existing_end: u64,
    /// Where the ids of positions begin whose ids would lie in another scenario's block.
    further: Option<u64>,
}

impl From<Identities> for Ids {
    /// Those of a scenario that is alone.
    fn from(identities: Identities) -> Self {
        Self {
            identities,
            new_end: USER_ID_MAX + 1,
            existing_end: USER_ID_MAX + 1,
            further: None,
        }
    }
}

impl Ids {
    /// The id of the user at a position, and whether it is new.
    #[must_use]
    pub fn of(&self, position: u64) -> (u64, bool) {
        let size = self.new_end.saturating_sub(self.identities.first);
        match self.further {
            Some(first) if position >= size => (first.saturating_add(position - size), true),
            _ => self.identities.of(position),
        }
    }

    /// Whether there are ids for so many positions.
    #[must_use]
    pub fn suffice_for(&self, positions: u64) -> bool {
        let Some(existing) = self.identities.existing else {
            let size = self.new_end.saturating_sub(self.identities.first);
            let further = self.further.map_or(0, |_| CHURN_IDS);
            return positions <= size.saturating_add(further);
        };
        let new = u128::from(positions) * u128::from(existing.percent_new.min(100)) / 100;
        let new = u64::try_from(new).unwrap_or(positions);
        let others = positions - new;
        let fits = |count: u64, first: u64, end: u64| {
            count == 0 || first.checked_add(count).is_some_and(|last| last <= end)
        };
        fits(new, self.identities.first, self.new_end)
            && fits(others, existing.first, self.existing_end)
    }
}

impl RunSpec {
    /// The ids of the scenario at this position. Where a range of ids was typed, they end with it.
    #[must_use]
    pub fn ids_of(&self, scenario: usize) -> Ids {
        let Some(own) = self.scenarios.get(scenario) else {
            return Ids::from(Identities {
                first: 1,
                existing: None,
            });
        };
        let behind = self.first_id_behind();
        let alone = self.scenarios.len() == 1;
        let last = own.last_id.filter(|last| *last < USER_ID_MAX);
        let end = |first: u64| {
            let next = self.blocks().filter(|begin| *begin > first).min();
            let end = next.unwrap_or(if alone { USER_ID_MAX + 1 } else { behind });
            match last {
                Some(last) if last >= first => end.min(last + 1),
                _ => end,
            }
        };
        let mixed = own.identities.existing;
        let further = behind.saturating_add((scenario as u64).saturating_mul(CHURN_IDS));
        let may_go_on =
            !alone && mixed.is_none() && last.is_none() && further < USER_ID_MAX - CHURN_IDS;
        Ids {
            identities: own.identities,
            new_end: end(own.identities.first),
            existing_end: mixed.map_or(USER_ID_MAX + 1, |existing| end(existing.first)),
            further: may_go_on.then_some(further),
        }
    }

    /// First ids of all blocks.
    fn blocks(&self) -> impl Iterator<Item = u64> {
        self.scenarios.iter().flat_map(|scenario| {
            let Identities { first, existing } = scenario.identities;
            let new = existing.is_none_or(|existing| existing.percent_new > 0);
            let existing = existing.filter(|existing| existing.percent_new < 100);
            new.then_some(first)
                .into_iter()
                .chain(existing.map(|existing| existing.first))
        })
    }

    /// The first id behind all that were planned.
    fn first_id_behind(&self) -> u64 {
        let ends = self.scenarios.iter().enumerate().flat_map(|(index, own)| {
            let users = match own.load {
                Load::Churn(_) => CHURN_IDS,
                _ => self.users_max_of(index),
            };
            let existing = own.identities.existing.map(|existing| existing.first);
            let firsts = [Some(own.identities.first), existing].into_iter().flatten();
            firsts.map(move |first| first.saturating_add(users))
        });
        ends.max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::Description;
    use crate::raw::RawRun;
    use crate::resolve::{Machine, resolve};
    use crate::spec::Existing;

    fn run(raw: RawRun) -> RunSpec {
        let machine = Machine {
            memory_available_bytes: None,
            cores: 1,
            node: String::new(),
            seed: 7,
            run_id: String::new(),
        };
        let raw = RawRun {
            duration: Some("10s".to_owned()),
            ..raw
        };
        resolve(&raw, &Description::default(), &machine).unwrap()
    }

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    /// Scenarios with so many users each, their ids one behind the other.
    fn several(users: &[u64]) -> RunSpec {
        let mut spec = run(RawRun::default());
        let blank = spec.scenarios.remove(0);
        let mut first = 1;
        for count in users {
            let mut own = blank.clone();
            own.identities.first = first;
            if let Load::ConstantUsers(load) = &mut own.load {
                load.users = *count;
            }
            first += count;
            spec.scenarios.push(own);
        }
        spec
    }

    #[test]
    fn a_scenario_that_is_alone_goes_on_counting_unless_a_range_was_typed() {
        let ids = run(RawRun {
            users: text("3"),
            ..RawRun::default()
        })
        .ids_of(0);
        assert_eq!([0, 2, 3, 1000].map(|at| ids.of(at).0), [1, 3, 4, 1001]);
        assert!(ids.suffice_for(1_000_000_000));
        let ids = run(RawRun {
            user_range: text("11..13"),
            ..RawRun::default()
        })
        .ids_of(0);
        assert_eq!(ids.of(2), (13, true));
        assert!(ids.suffice_for(3) && !ids.suffice_for(4));
    }

    #[test]
    fn further_users_of_several_scenarios_have_ids_behind_all_others() {
        let spec = several(&[10, 5]);
        let (one, two) = (spec.ids_of(0), spec.ids_of(1));
        assert_eq!([9, 10, 11].map(|at| one.of(at).0), [10, 16, 17]);
        let behind = 16 + CHURN_IDS;
        assert_eq!([4, 5, 6].map(|at| two.of(at).0), [15, behind, behind + 1]);
        assert!(one.suffice_for(1000) && !one.suffice_for(2 * CHURN_IDS));
        let mut seen: Vec<u64> = (0..100)
            .flat_map(|at| [one.of(at).0, two.of(at).0])
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 200);
    }

    #[test]
    fn new_users_and_others_end_where_the_next_block_begins() {
        let mut spec = several(&[10]);
        spec.scenarios[0].identities = Identities {
            first: 1,
            existing: Some(Existing {
                percent_new: 50,
                first: 6,
            }),
        };
        let ids = spec.ids_of(0);
        assert!(
            ids.suffice_for(11) && !ids.suffice_for(12),
            "six of twelve are new"
        );
    }
}
