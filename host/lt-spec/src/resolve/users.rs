//! Whether the users fit, and who each of them is.

use super::{Machine, Problems};
use crate::given::Given;
use crate::limits::{
    ADDRESS_SPACE_BYTES_MAX, CHURN_IDS, USER_FOOTPRINT_BYTES, USER_ID_MAX, USERS_MAX,
};
use crate::parse::{self, Fault};
use crate::plan::{Plan, ScenarioPlan};
use crate::spec::{Existing, Identities, UserLimits};

/// Users by weight: the part of each scenario that has one.
pub(super) fn shares(
    plan: &Plan,
    wants: &[bool],
    problems: &mut Problems,
) -> Vec<Option<(Given, u64)>> {
    let weights: Vec<u64> = plan
        .scenarios
        .iter()
        .zip(wants)
        .map(|(scenario, wants)| weight(plan, scenario, *wants, problems))
        .collect();
    let Some(given) = &plan.users else {
        return vec![None; wants.len()];
    };
    if !wants.contains(&true) {
        let fault = Fault::new(
            "is for no scenario: each says itself how many users it has",
            "leave it out",
        );
        problems.add(&given.field, &given.value, fault);
    }
    let Some(total) = problems.read(given, parse::count) else {
        // Told once: no scenario is without users because of it.
        return vec![Some((given.clone(), 1)); wants.len()];
    };
    let parts = by_weight(&weights, total);
    let part = |(part, wants): (u64, &bool)| wants.then(|| (given.clone(), part));
    parts.into_iter().zip(wants).map(part).collect()
}

fn weight(plan: &Plan, scenario: &ScenarioPlan, wants: bool, problems: &mut Problems) -> u64 {
    let Some(given) = scenario.load.get("weight") else {
        return u64::from(wants);
    };
    let weight = problems.read(given, |text| {
        parse::count(text)?;
        text.trim()
            .parse::<u32>()
            .map_err(|_| Fault::new("is too large", "write a smaller weight"))
    });
    if plan.users.is_none() || !wants {
        let fault = Fault::new(
            "has no effect: the scenario has no part of users that several share",
            "give `users` at the top of the file, and none in the scenario",
        );
        problems.add(&given.field, &given.value, fault);
    }
    if wants { weight.unwrap_or(1).into() } else { 0 }
}

/// `total` divided by weights, exactly: whole parts first, what is left to the largest remainders.
fn by_weight(weights: &[u64], total: u64) -> Vec<u64> {
    let sum = weights
        .iter()
        .map(|weight| u128::from(*weight))
        .sum::<u128>()
        .max(1);
    let products: Vec<u128> = weights
        .iter()
        .map(|weight| u128::from(*weight) * u128::from(total))
        .collect();
    let mut parts: Vec<u64> = products
        .iter()
        .map(|product| u64::try_from(product / sum).unwrap_or(total))
        .collect();
    let left = total - parts.iter().sum::<u64>().min(total);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // A stable sort: of equal remainders the first scenario comes first.
    order.sort_by_key(|index| {
        std::cmp::Reverse(products.get(*index).map_or(0, |product| product % sum))
    });
    let extra = usize::try_from(left).unwrap_or(usize::MAX);
    for index in order.into_iter().take(extra) {
        if let Some(part) = parts.get_mut(index) {
            *part += u64::from(products.get(index).is_some_and(|product| product % sum > 0));
        }
    }
    parts
}

/// Whether these users are too many for the machine or for one process: names every bound, and says how many fit.
pub(super) fn too_many(users: u64, machine: &Machine, limits: UserLimits) -> Option<Fault> {
    let memory_bytes = u64::try_from(limits.memory_bytes)
        .unwrap_or(u64::MAX)
        .max(1);
    let addressable = ADDRESS_SPACE_BYTES_MAX / memory_bytes;
    let available_bytes = machine.memory_available_bytes.unwrap_or(u64::MAX);
    let fit = available_bytes / USER_FOOTPRINT_BYTES;
    let bounds = [
        (
            fit,
            format!(
                "{fit} users fit into the {} MB of memory available, at {} KB each at least",
                available_bytes / 1_000_000,
                USER_FOOTPRINT_BYTES / 1000
            ),
            "or give this machine more memory",
        ),
        (
            addressable,
            format!(
                "one process can address {addressable} users of up to {} MiB each",
                memory_bytes >> 20
            ),
            "or lower --memory-limit",
        ),
        (
            USERS_MAX,
            format!("one process may have {USERS_MAX} users"),
            "or spread them over several processes",
        ),
    ];
    let exceeded: Vec<_> = bounds
        .into_iter()
        .filter(|(most, ..)| users > *most)
        .collect();
    let most = exceeded.iter().map(|(most, ..)| *most).min()?;
    let reasons: Vec<&str> = exceeded
        .iter()
        .map(|(_, reason, _)| reason.as_str())
        .collect();
    let ways: Vec<&str> = exceeded.iter().map(|(_, _, way)| *way).collect();
    Some(Fault::new(
        format!("is too many: {}", reasons.join("; ")),
        format!("use {most} users or fewer, {}", ways.join(", ")),
    ))
}

/// What one scenario needs of ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// Users it may have at a time, changes included.
    pub(super) users: u64,
    /// Whether each that ends is replaced by a new one, without end.
    pub(super) is_churn: bool,
}

/// A range of ids that is taken.
struct Taken {
    field: String,
    value: String,
    scenario: String,
    first: u64,
    last: u64,
    /// Whether it is churn's, which takes ids without end: `last` is only kept free.
    is_open: bool,
}

/// Gives out ids: blocks one behind the other, in the order of the scenarios. Those of churn, which has no last id, come
/// behind all others, each [`CHURN_IDS`] long.
struct Allocator<'run> {
    next: u64,
    taken: Vec<Taken>,
    problems: &'run mut Problems,
}

/// Ids for every scenario. Overlaps are told: an id is one user's in the whole run. A range for all of them must hold all of
/// theirs, but of churn's, which have no last, only the first.
pub(super) fn identities(
    plan: &Plan,
    needs: &[Option<Need>],
    problems: &mut Problems,
) -> Vec<Identities> {
    let window = plan
        .user_range
        .as_ref()
        .and_then(|given| Some((given, problems.read(given, range_or_open)?)));
    let mut ids = Allocator {
        next: window.as_ref().map_or(1, |(_, (first, _))| *first),
        taken: Vec::new(),
        problems,
    };
    let none = Identities {
        first: 1,
        existing: None,
    };
    let mut found = vec![none; plan.scenarios.len()];
    for churn in [false, true] {
        if churn {
            let last = ids.taken.iter().map(|taken| taken.last).max();
            ids.next = last.map_or(ids.next, |last| last.saturating_add(1));
        }
        for ((scenario, need), found) in plan.scenarios.iter().zip(needs).zip(&mut found) {
            if need.is_none() && !churn {
                ids.check_values(scenario);
            }
            if let Some(need) = need.filter(|need| need.is_churn == churn) {
                *found = ids.of(scenario, need);
            }
        }
    }
    ids.check();
    if let Some((given, (_, last))) = window
        && let Some((beyond, id)) = ids.taken.iter().find_map(|taken| taken.beyond(last))
    {
        let fault = Fault::new(
            format!(
                "holds too few ids: {} needs them up to {id}",
                beyond.scenario
            ),
            "give a longer range",
        );
        ids.problems.add(&given.field, &given.value, fault);
    }
    found
}

impl Taken {
    /// The id that it needs and that is not in a range with this end; of one without end, and typed, none.
    fn beyond(&self, last: u64) -> Option<(&Self, u64)> {
        let needed = if self.is_open { self.first } else { self.last };
        let is_typed = self.is_open && !self.value.is_empty();
        (needed > last && !is_typed).then_some((self, needed))
    }
}

/// The last id of the range that was typed for a scenario, or for all. Its faults are told elsewhere.
pub(super) fn last_id(plan: &Plan, scenario: &ScenarioPlan) -> Option<u64> {
    let given = scenario.load.get("user-range");
    let given = given.or(plan.user_range.as_ref())?;
    range_or_open(&given.value).ok().map(|(_, last)| last)
}

/// `FIRST..LAST`, or `FIRST..` for ids without end.
fn range_or_open(text: &str) -> Result<(u64, u64), Fault> {
    match text.trim().strip_suffix("..") {
        Some(first) => parse::user_range(&format!("{first}..{USER_ID_MAX}")),
        None => parse::user_range(text),
    }
}

impl Allocator<'_> {
    /// Faults of single values, where the load is at fault too, so that it is not known how many ids it needs.
    fn check_values(&mut self, scenario: &ScenarioPlan) {
        let _mix = self.mix(scenario);
        if let Some(given) = scenario.load.get("user-range") {
            let _range = self.problems.read(given, range_or_open);
        }
    }

    fn of(&mut self, scenario: &ScenarioPlan, need: Need) -> Identities {
        let range = self.range(scenario, need);
        let mix = self.mix(scenario);
        let field = scenario
            .load
            .get("user-range")
            .cloned()
            .unwrap_or_else(|| Given::new(scenario.field("users"), ""));
        let is_open = need.is_churn;
        let count = |users: u64| if is_open { CHURN_IDS } else { users };
        let Some((percent_new, offset)) = mix else {
            let first = range.unwrap_or(self.next);
            self.take((scenario, &field), first, count(need.users), is_open);
            return Identities {
                first,
                existing: None,
            };
        };
        let new = u64::try_from(u128::from(need.users) * u128::from(percent_new) / 100);
        let new = new.unwrap_or(need.users);
        // Where nobody is new, the range is that of the others.
        let range_of_existing = range.filter(|_| percent_new == 0);
        let existing_first = offset
            .as_ref()
            .map(|(_, first)| *first)
            .or(range_of_existing)
            .unwrap_or(self.next);
        let existing_field = offset.map_or_else(|| field.clone(), |(given, _)| given);
        if percent_new < 100 {
            self.take(
                (scenario, &existing_field),
                existing_first,
                count(need.users - new),
                is_open,
            );
        }
        let first = range.filter(|_| percent_new > 0).unwrap_or(self.next);
        if percent_new > 0 {
            self.take((scenario, &field), first, count(new), is_open);
        }
        Identities {
            first,
            existing: Some(Existing {
                percent_new,
                first: existing_first,
            }),
        }
    }

    /// First id of the range that was given. Its size is held against the need here, unless the users came from it.
    fn range(&mut self, scenario: &ScenarioPlan, need: Need) -> Option<u64> {
        let given = scenario.load.get("user-range")?;
        if need.is_churn {
            return self.problems.read(given, |text| {
                if !text.trim().ends_with("..") {
                    return Err(Fault::new(
                        "has a last id, but churn gives new users ids without end",
                        "write FIRST.., such as 1001..",
                    ));
                }
                range_or_open(text).map(|(first, _)| first)
            });
        }
        let (first, last) = self.problems.read(given, parse::user_range)?;
        let size = last - first + 1;
        // For executors with a plain number of users, a difference has been told already.
        let said = scenario.load.get("users").is_some() && scenario.load.get("max-users").is_none();
        if size < need.users && !said {
            let fault = Fault::new(
                format!("holds {size} users, but there may be {}", need.users),
                "give a longer range",
            );
            self.problems.add(&given.field, &given.value, fault);
        }
        Some(first)
    }

    /// How many in a hundred users are new, and where the others begin if that was given.
    fn mix(&mut self, scenario: &ScenarioPlan) -> Option<(u8, Option<(Given, u64)>)> {
        let percent = scenario.load.get("percent-new");
        let offset = scenario.load.get("existing-offset");
        if percent.is_none() && offset.is_none() {
            return None;
        }
        let percent_new = percent.and_then(|given| {
            self.problems.read(given, |text| {
                let text = text.trim();
                let number = text.strip_suffix('%').unwrap_or(text).trim_end();
                let percent = number.parse::<u8>().ok();
                percent.filter(|percent| *percent <= 100).ok_or_else(|| {
                    Fault::new("is not a whole number from 0 to 100", "write such a number")
                })
            })
        });
        let offset = offset.and_then(|given| {
            let first = self.problems.read(given, |text| {
                if parse::whole(text)? == 0 {
                    return Err(Fault::new("is zero", "user ids are counted from 1"));
                }
                parse::count(text)
            })?;
            Some((given.clone(), first))
        });
        let nobody_is_new = percent.is_none() || percent_new == Some(0);
        if let Some(given) = scenario.load.get("user-range")
            && nobody_is_new
            && offset.is_some()
        {
            let fault = Fault::new(
                "has no effect: nobody is new, and existing-offset says which ids the others have",
                "leave one of the two out, or give percent-new",
            );
            self.problems.add(&given.field, &given.value, fault);
        }
        Some((percent_new.unwrap_or(0), offset))
    }

    fn take(
        &mut self,
        (scenario, field): (&ScenarioPlan, &Given),
        first: u64,
        count: u64,
        is_open: bool,
    ) {
        if count == 0 {
            return;
        }
        let last = first.saturating_add(count - 1);
        if last > USER_ID_MAX {
            let fault = Fault::new(format!("has ids above {USER_ID_MAX}"), "use smaller ids");
            self.problems.add(&field.field, &field.value, fault);
        }
        self.taken.push(Taken {
            field: field.field.clone(),
            value: field.value.clone(),
            scenario: scenario.name.clone(),
            first,
            last,
            is_open,
        });
        self.next = last.saturating_add(1);
    }

    fn check(&mut self) {
        self.taken.sort_by_key(|taken| taken.first);
        for pair in self.taken.windows(2) {
            let [lower, upper] = pair else { continue };
            if upper.first > lower.last {
                continue;
            }
            let fault = Fault::new(
                format!(
                    "the ids {}..{} of {} overlap {}..{} of {}",
                    upper.first,
                    upper.last,
                    upper.scenario,
                    lower.first,
                    lower.last,
                    lower.scenario
                ),
                "give disjoint ids with user-range or existing-offset",
            );
            // Of the two, the one that somebody typed.
            let typed = if upper.value.is_empty() { lower } else { upper };
            self.problems.add(&typed.field, &typed.value, fault);
        }
    }
}
