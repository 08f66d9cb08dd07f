//! How many users, with which ids and roles, and when their iterations start.

use std::time::Duration;

use super::{Machine, Problems};
use crate::description::{DefaultLoad, Description, RoleShare};
use crate::limits::{ADDRESS_SPACE_BYTES_MAX, USER_FOOTPRINT_BYTES, USER_ID_MAX, USERS_MAX};
use crate::parse::{self, Fault};
use crate::raw::RawRun;
use crate::roles::{self, Roles};
use crate::spec::{ConstantUsers, Load, Pace, PerUserIterations, SharedIterations, UserLimits};

/// How problems name what the scenario suggests.
const DEFAULT_LOAD: &str = "the scenario's default load";

/// The users of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Users {
    /// How many.
    pub(super) count: u64,
    /// Id of the first.
    pub(super) first: u64,
}

/// Number and ids of the users: flag, then range, then the scenario's default, then one.
pub(super) fn users(
    raw: &RawRun,
    description: &Description,
    machine: &Machine,
    limits: UserLimits,
    problems: &mut Problems,
) -> Users {
    let asked = problems.take("--users", raw.users.as_deref(), |text| {
        let count = parse::whole(text)?;
        if count == 0 {
            Err(Fault::new("is zero", "give at least one user"))
        } else {
            Ok(count)
        }
    });
    let range = problems.take("--user-range", raw.user_range.as_deref(), parse::user_range);
    let (field, shown, users) = match (asked, range) {
        (asked, Some((first, last))) => {
            let count = last - first + 1;
            let text = raw.user_range.as_deref().unwrap_or_default();
            if let Some(asked) = asked.filter(|asked| *asked != count) {
                let fault = Fault::new(
                    format!("holds {count} users, but --users asks for {asked}"),
                    "give only one of the two, or the same number",
                );
                problems.add("--user-range", text, fault);
            }
            ("--user-range", text.to_owned(), Users { count, first })
        }
        (Some(count), None) => ("--users", count.to_string(), Users { count, first: 1 }),
        (None, None) => {
            let count = description.load.users.unwrap_or(1);
            if count == 0 {
                let fault = Fault::new("suggests zero users", "give --users");
                problems.add(DEFAULT_LOAD, "", fault);
            }
            (
                DEFAULT_LOAD,
                count.to_string(),
                Users {
                    count: count.max(1),
                    first: 1,
                },
            )
        }
    };
    if let Some(fault) = too_many(users, machine, limits) {
        problems.add(field, &shown, fault);
    }
    users
}

/// Whether these users are too many for the machine or for one process: names every bound, and says how many fit.
fn too_many(users: Users, machine: &Machine, limits: UserLimits) -> Option<Fault> {
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
        .filter(|(most, ..)| users.count > *most)
        .collect();
    if let Some(most) = exceeded.iter().map(|(most, ..)| *most).min() {
        let reasons: Vec<&str> = exceeded
            .iter()
            .map(|(_, reason, _)| reason.as_str())
            .collect();
        let ways: Vec<&str> = exceeded.iter().map(|(_, _, way)| *way).collect();
        return Some(Fault::new(
            format!("is too many: {}", reasons.join("; ")),
            format!("use {most} users or fewer, {}", ways.join(", ")),
        ));
    }
    let last = users.first.saturating_add(users.count - 1);
    (last > USER_ID_MAX)
        .then(|| Fault::new(format!("has ids above {USER_ID_MAX}"), "use smaller ids"))
}

/// When iterations start. If the duration or the iterations are given, the scenario's suggestion for both is void, as
/// in k6: who asks for ten iterations does not mean ten within the scenario's thirty seconds.
pub(super) fn load(
    raw: &RawRun,
    description: &Description,
    users: u64,
    problems: &mut Problems,
) -> Load {
    let duration = problems.take(
        "--duration",
        raw.duration.as_deref(),
        parse::positive_duration,
    );
    let asked = problems.take("--iterations", raw.iterations.as_deref(), |text| {
        let count = parse::whole(text)?;
        shared(count, users).map(|()| count)
    });
    let typed = raw.duration.is_some() || raw.iterations.is_some();
    let (duration, shared_count) = if typed {
        (duration, asked)
    } else {
        suggested(description.load, users, problems)
    };
    let interarrival = problems.take(
        "--interarrival",
        raw.interarrival.as_deref(),
        parse::duration,
    );
    let repeat_interval = problems.take(
        "--repeat-interval",
        raw.repeat_interval.as_deref(),
        parse::positive_duration,
    );
    let pace = Pace {
        interarrival: interarrival.unwrap_or(Duration::ZERO),
        repeat_interval,
    };
    match (duration, shared_count) {
        (max_duration, Some(iterations)) => Load::SharedIterations(SharedIterations {
            users,
            iterations,
            max_duration,
            pace,
        }),
        (Some(_), None) => Load::ConstantUsers(ConstantUsers {
            users,
            duration,
            pace,
        }),
        (None, None) => Load::PerUserIterations(PerUserIterations {
            users,
            iterations: 1,
            max_duration: None,
            pace,
        }),
    }
}

fn suggested(
    load: DefaultLoad,
    users: u64,
    problems: &mut Problems,
) -> (Option<Duration>, Option<u64>) {
    if load.duration.is_some_and(|duration| duration.is_zero()) {
        problems.add(
            DEFAULT_LOAD,
            "",
            Fault::new("suggests a duration of zero", "give --duration"),
        );
    }
    if let Some(count) = load.iterations
        && let Err(fault) = shared(count, users)
    {
        problems.add(DEFAULT_LOAD, &format!("iterations={count}"), fault);
    }
    (load.duration, load.iterations)
}

/// Shared iterations must be enough for every user to have one (k6's rule: a user without work is a mistake).
fn shared(count: u64, users: u64) -> Result<(), Fault> {
    if count == 0 {
        return Err(Fault::new("is zero", "give at least one iteration"));
    }
    if count < users {
        return Err(Fault::new(
            format!("{count} iterations are fewer than the {users} users that share them"),
            format!("give --iterations {users} or more, or --users {count} or fewer"),
        ));
    }
    Ok(())
}

/// Who plays which role, by what the scenario declares.
pub(super) fn roles(description: &Description, users: u64, problems: &mut Problems) -> Roles {
    let roles = &description.roles;
    let fixed: u64 = roles
        .iter()
        .map(|role| match role.share {
            RoleShare::Count(count) => count,
            RoleShare::Weight(_) | RoleShare::Every(_) => 0,
        })
        .fold(0, u64::saturating_add);
    if users < fixed {
        let fault = Fault::new(
            format!("{users} users are fewer than the {fixed} that the scenario's roles need"),
            format!("give --users {fixed} or more"),
        );
        problems.add("--users", "", fault);
        return Roles::default();
    }
    let rest = users - fixed;
    let mixed = roles
        .iter()
        .any(|role| matches!(role.share, RoleShare::Weight(weight) if weight > 0));
    if !roles.is_empty() && rest > 0 && !mixed {
        let fault = Fault::new(
            format!("the scenario's roles are for {fixed} users; the other {rest} would have none"),
            format!("give --users {fixed}"),
        );
        problems.add("--users", "", fault);
        return Roles::default();
    }
    let shares: Vec<(String, roles::RoleShare)> = roles
        .iter()
        .map(|role| {
            let share = match role.share {
                RoleShare::Weight(weight) => roles::RoleShare::Weight(weight),
                RoleShare::Count(count) => roles::RoleShare::Count(count),
                RoleShare::Every(every) => roles::RoleShare::Every(every.max(1)),
            };
            (role.name.clone(), share)
        })
        .collect();
    Roles::new(&shares)
}
