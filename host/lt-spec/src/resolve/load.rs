//! How many users, with which ids and roles, and when their iterations start.

use std::time::Duration;

use super::{Machine, Problems};
use crate::description::{DefaultLoad, Description, RoleShare};
use crate::limits::{
    ADDRESS_SPACE_BYTES_MAX, GRACEFUL_STOP, USER_FOOTPRINT_BYTES, USER_ID_MAX, USERS_MAX,
};
use crate::parse::{self, Fault};
use crate::raw::RawRun;
use crate::spec::{ConstantUsers, Iterations, Load, RoleCount, UserLimits};

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
    let iterations = match (duration, shared_count) {
        (_, Some(count)) => Iterations::Shared(count),
        (Some(_), None) => Iterations::Unlimited,
        (None, None) => Iterations::PerUser(1),
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
    let graceful_stop = problems.take(
        "--graceful-stop",
        raw.graceful_stop.as_deref(),
        parse::duration,
    );
    Load::ConstantUsers(ConstantUsers {
        duration,
        iterations,
        interarrival: interarrival.unwrap_or(Duration::ZERO),
        repeat_interval,
        graceful_stop: graceful_stop.unwrap_or(GRACEFUL_STOP),
    })
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

/// Consecutive blocks of users by role: counts first, then weights over the rest, by largest remainder.
pub(super) fn roles(
    description: &Description,
    users: u64,
    problems: &mut Problems,
) -> Vec<RoleCount> {
    let roles = &description.roles;
    if roles.is_empty() {
        return Vec::new();
    }
    let fixed: u64 = roles
        .iter()
        .map(|role| count_of(role.share))
        .fold(0, u64::saturating_add);
    let weights: u64 = roles.iter().map(|role| weight_of(role.share)).sum();
    if users < fixed {
        let fault = Fault::new(
            format!("{users} users are fewer than the {fixed} that the scenario's roles need"),
            format!("give --users {fixed} or more"),
        );
        problems.add("--users", "", fault);
        return Vec::new();
    }
    let rest = users - fixed;
    if rest > 0 && weights == 0 {
        let fault = Fault::new(
            format!("the scenario's roles are for {fixed} users; the other {rest} would have none"),
            format!("give --users {fixed}"),
        );
        problems.add("--users", "", fault);
        return Vec::new();
    }
    let shares = by_weight(
        roles.iter().map(|role| weight_of(role.share)),
        weights.max(1),
        rest,
    );
    roles
        .iter()
        .zip(shares)
        .map(|(role, share)| RoleCount {
            name: role.name.clone(),
            users: share + count_of(role.share),
        })
        .collect()
}

fn count_of(share: RoleShare) -> u64 {
    match share {
        RoleShare::Count(count) => count,
        RoleShare::Weight(_) => 0,
    }
}

fn weight_of(share: RoleShare) -> u64 {
    match share {
        RoleShare::Weight(weight) => u64::from(weight),
        RoleShare::Count(_) => 0,
    }
}

/// `total` divided by weights, exactly: whole parts first, what is left to the largest remainders.
fn by_weight(weights: impl Iterator<Item = u64>, sum: u64, total: u64) -> Vec<u64> {
    let products: Vec<u128> = weights
        .map(|weight| u128::from(weight) * u128::from(total))
        .collect();
    let sum = u128::from(sum);
    let mut parts: Vec<u64> = products
        .iter()
        .map(|product| u64::try_from(product / sum).unwrap_or(total))
        .collect();
    let left = total - parts.iter().sum::<u64>().min(total);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // A stable sort: of equal remainders the first role comes first.
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
