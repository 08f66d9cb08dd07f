//! Whether a meeting makes sense, and whether it can ever be complete.

use std::sync::Arc;

use lt_spec::limits::MEETING_SIZE_MAX;
use lt_spec::seed;
use rustc_hash::FxHashMap;

use crate::api::{CoordinationError, MeetingPlan, MeetingSize, Population};

/// The roles of a plan, each once, with how often it is listed; in the order in which they are first listed.
pub(crate) fn listed(roles: &[String]) -> Vec<(Arc<str>, usize)> {
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let mut listed: Vec<(Arc<str>, usize)> = Vec::new();
    for role in roles {
        let place = *places.entry(role).or_insert(listed.len());
        match listed.get_mut(place) {
            Some((_, times)) => *times += 1,
            None => listed.push((Arc::from(role.as_str()), 1)),
        }
    }
    listed
}

/// Whether a plan makes sense by itself.
pub(crate) fn check(plan: &MeetingPlan) -> Result<(), CoordinationError> {
    let invalid = |text: String| Err(CoordinationError::InvalidValue(text));
    let largest = match plan.size {
        MeetingSize::Exactly(0) | MeetingSize::Between(0, _) => {
            return invalid("a group has at least one user".to_owned());
        }
        MeetingSize::Between(min, max) if min > max => {
            return invalid(format!("no number lies between {min} and {max}"));
        }
        MeetingSize::Exactly(size) | MeetingSize::Between(_, size) => size,
        MeetingSize::All => 0,
    };
    if largest > MEETING_SIZE_MAX {
        return invalid(format!("a group has at most {MEETING_SIZE_MAX} users"));
    }
    if plan.roles.is_empty() {
        return Ok(());
    }
    if plan.size != MeetingSize::Exactly(u32::try_from(plan.roles.len()).unwrap_or(u32::MAX)) {
        return invalid(format!(
            "{} roles are listed: the size must be exactly that",
            plan.roles.len()
        ));
    }
    Ok(())
}

/// Whether so many users can ever make it complete. Nothing is impossible while their number is not known.
pub(crate) fn feasible(
    plan: &MeetingPlan,
    population: &Population,
) -> Result<(), CoordinationError> {
    let users = population.users;
    if users == 0 {
        return Ok(());
    }
    let impossible = |text: String| Err(CoordinationError::Impossible(text));
    match plan.size {
        MeetingSize::Exactly(least) | MeetingSize::Between(least, _) => {
            if u64::from(least) > users {
                return impossible(format!(
                    "the meeting asks for {least} users, and the run never has more than {users}"
                ));
            }
        }
        MeetingSize::All => {
            if users > u64::from(MEETING_SIZE_MAX) {
                return Err(CoordinationError::InvalidValue(format!(
                    "a group has at most {MEETING_SIZE_MAX} users, and all are {users}"
                )));
            }
        }
    }
    for (role, times) in listed(&plan.roles) {
        let known = population.roles.iter().find(|(name, _)| *name == role);
        let there = known.map_or(0, |(_, users)| *users);
        if times as u64 > there {
            return impossible(format!(
                "the meeting asks for {times} of role {role:?}, and the run never has more than {there}"
            ));
        }
    }
    Ok(())
}

/// Size of this group of a meeting of `min` to `max`, both included. The same seed, name and number give the same size, so
/// that a run can be repeated.
pub(crate) fn draw(seed: u64, name: &str, number: u64, min: u32, max: u32) -> u32 {
    let random = seed::mix(seed::of_name(seed, name) ^ number);
    let choices = u64::from(max.saturating_sub(min)) + 1;
    let drawn = seed::below(random, choices);
    min.saturating_add(u32::try_from(drawn).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(size: MeetingSize, roles: &[&str]) -> MeetingPlan {
        MeetingPlan {
            size,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        }
    }

    #[test]
    fn plans_that_make_no_sense_are_invalid() {
        for (size, roles, sensible) in [
            (MeetingSize::Exactly(0), &[][..], false),
            (MeetingSize::Exactly(1), &[], true),
            (MeetingSize::Exactly(MEETING_SIZE_MAX), &[], true),
            (MeetingSize::Exactly(MEETING_SIZE_MAX + 1), &[], false),
            (MeetingSize::Between(0, 2), &[], false),
            (MeetingSize::Between(3, 2), &[], false),
            (MeetingSize::Between(2, 2), &[], true),
            (MeetingSize::Between(1, MEETING_SIZE_MAX + 1), &[], false),
            (MeetingSize::Exactly(2), &["a", "b"], true),
            (MeetingSize::Exactly(3), &["a", "b"], false),
            (MeetingSize::Between(2, 2), &["a", "b"], false),
            (MeetingSize::All, &["a"], false),
            (MeetingSize::All, &[], true),
        ] {
            let checked = check(&plan(size, roles));
            assert_eq!(checked.is_ok(), sensible, "{size:?} {roles:?}: {checked:?}");
            if let Err(error) = checked {
                assert!(matches!(error, CoordinationError::InvalidValue(_)));
            }
        }
    }

    #[test]
    fn what_the_population_can_never_do_is_impossible() {
        let population = Population {
            users: 5,
            roles: vec![("a".into(), 4), ("b".into(), 1)],
        };
        for (size, roles, possible) in [
            (MeetingSize::Exactly(5), &[][..], true),
            (MeetingSize::Exactly(6), &[], false),
            (MeetingSize::Between(5, 100), &[], true),
            (MeetingSize::Between(6, 100), &[], false),
            (MeetingSize::Exactly(2), &["a", "b"], true),
            (MeetingSize::Exactly(2), &["b", "b"], false),
            (MeetingSize::Exactly(1), &["c"], false),
            (MeetingSize::All, &[], true),
        ] {
            let plan = plan(size, roles);
            let found = feasible(&plan, &population);
            assert_eq!(found.is_ok(), possible, "{plan:?}: {found:?}");
            if let Err(error) = found {
                assert!(matches!(error, CoordinationError::Impossible(_)));
            }
            assert_eq!(feasible(&plan, &Population::default()), Ok(()));
        }
        let crowd = Population {
            users: u64::from(MEETING_SIZE_MAX) + 1,
            roles: Vec::new(),
        };
        assert!(matches!(
            feasible(&plan(MeetingSize::All, &[]), &crowd),
            Err(CoordinationError::InvalidValue(_))
        ));
    }

    #[test]
    fn draws_reach_both_ends_evenly_and_repeat() {
        let mut seen = [0; 4];
        for number in 0..4000 {
            let size = draw(7, "room", number, 2, 5);
            assert_eq!(size, draw(7, "room", number, 2, 5));
            seen[size as usize - 2] += 1;
        }
        assert!(seen.iter().all(|&times| times > 900), "{seen:?}");
        let sizes = |seed, name: &str| -> Vec<u32> {
            (0..20)
                .map(|number| draw(seed, name, number, 2, 5))
                .collect()
        };
        assert_ne!(sizes(7, "room"), sizes(8, "room"));
        assert_ne!(sizes(7, "room"), sizes(7, "hall"));
        assert_eq!(draw(7, "room", 0, 3, 3), 3);
    }

    #[test]
    fn roles_are_counted_in_their_order() {
        let roles = ["b", "a", "b"].map(str::to_owned);
        assert_eq!(listed(&roles), [("b".into(), 2), ("a".into(), 1)]);
    }
}
