//! `lt-host doctor`: what this machine allows, and how to allow more.

use clap::Args;
use clap::builder::BoolishValueParser;
use lt_spec::limits::{USER_FOOTPRINT_BYTES, USER_MEMORY_BYTES_MAX, USERS_MAX};
use rustix::time::{ClockId, clock_getres};
use serde::Serialize;

use super::validate::DESCRIPTORS_SPARE;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::machine;
use crate::process::Process;

/// Mappings that a run needs beside those of its users: libraries, threads, allocator, the two slabs.
const MAPPINGS_SPARE: u64 = 1000;
/// Mappings a user takes where the kernel cannot guard a stack within its mapping: the stack and its guard.
const MAPPINGS_PER_USER_WITHOUT_GUARDS: u64 = 2;
/// Coarsest clock that latencies can be told with: k6 users compare tenths of milliseconds.
const CLOCK_RESOLUTION_NS_MAX: u64 = 100_000;
/// Clock sources that are read without entering the kernel; the others cost a microsecond a reading.
const CLOCK_SOURCES_FAST: [&str; 5] = [
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "riscv_clocksource",
];

/// Check the limits of this machine, each with the command to raise it
///
/// Exits with 0 unless something fails for the number of users asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct Doctor {
    /// Number of users to judge by, each with one connection.
    #[arg(short, long, value_name = "N", env = "LT_DOCTOR_USERS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=USERS_MAX))]
    users: u64,
    /// Print a JSON array instead of lines.
    #[arg(long, env = "LT_DOCTOR_JSON", value_parser = BoolishValueParser::new())]
    json: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    /// What is there.
    found: String,
    /// What to do; empty if nothing.
    remedy: String,
}

/// What was found on the machine: values, so that judging them can be tested.
#[derive(Clone, Debug)]
struct Findings {
    descriptors: machine::Descriptors,
    ports: Option<(u64, u64)>,
    mappings_max: Option<u64>,
    guard_pages: bool,
    overcommit: Option<u64>,
    address_space: bool,
    memory_bytes: Option<u64>,
    clock_source: Option<String>,
    clock_resolution_ns: u64,
    cores: usize,
    kernel: Option<String>,
}

impl Doctor {
    /// Look, judge, print.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let checks = judge(self.users, &look(self.users));
        let text = if self.json {
            let text = serde_json::to_string_pretty(&checks).map_err(|error| {
                CommandError::Failed(format!("cannot be written as JSON: {error}"))
            })?;
            format!("{text}\n")
        } else {
            page(self.users, &checks)
        };
        process.print(&text)?;
        let failed = checks.iter().any(|check| check.status == Status::Fail);
        Ok(if failed { Exit::Failed } else { Exit::Success })
    }
}

fn look(users: u64) -> Findings {
    let resolution = clock_getres(ClockId::Monotonic);
    let users = usize::try_from(users).unwrap_or(usize::MAX);
    Findings {
        descriptors: machine::descriptors(),
        ports: machine::ephemeral_ports(),
        mappings_max: machine::number("/proc/sys/vm/max_map_count"),
        guard_pages: lt_slab::guard_install_supported(),
        overcommit: machine::number("/proc/sys/vm/overcommit_memory"),
        address_space: lt_slab::reservation_possible(users.saturating_mul(USER_MEMORY_BYTES_MAX)),
        memory_bytes: machine::memory_available_bytes(),
        clock_source: machine::line(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        ),
        clock_resolution_ns: u64::try_from(resolution.tv_sec * 1_000_000_000 + resolution.tv_nsec)
            .unwrap_or(u64::MAX),
        cores: machine::cores(),
        kernel: machine::line("/proc/sys/kernel/osrelease"),
    }
}

fn judge(users: u64, found: &Findings) -> Vec<Check> {
    vec![
        descriptors(users, found.descriptors),
        ports(users, found.ports),
        mappings(users, found),
        guard_pages(found.guard_pages),
        overcommit(found.overcommit),
        address_space(users, found.address_space),
        memory(users, found.memory_bytes),
        clock(found),
        cores(found.cores),
        check(
            "kernel",
            Status::Ok,
            found.kernel.clone().unwrap_or_else(unknown),
            "",
        ),
    ]
}

fn check(
    name: &'static str,
    status: Status,
    found: impl Into<String>,
    remedy: impl Into<String>,
) -> Check {
    Check {
        name,
        status,
        found: found.into(),
        remedy: remedy.into(),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn descriptors(users: u64, limits: machine::Descriptors) -> Check {
    let needed = users.saturating_add(DESCRIPTORS_SPARE);
    let text = |limit: Option<u64>| {
        limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
    };
    let found = format!(
        "{} now, {} after `run` raised it; {needed} needed",
        text(limits.soft),
        text(limits.hard)
    );
    if limits.hard.is_none_or(|hard| hard >= needed) {
        return check("descriptors", Status::Ok, found, "");
    }
    let remedy = format!("ulimit -Hn {needed} as root, or LimitNOFILE={needed} for a service");
    check("descriptors", Status::Fail, found, remedy)
}

fn ports(users: u64, range: Option<(u64, u64)>) -> Check {
    let Some((first, last)) = range else {
        return check(
            "local ports",
            Status::Warn,
            unknown(),
            "look at net.ipv4.ip_local_port_range",
        );
    };
    let count = last.saturating_sub(first) + 1;
    let found = format!("{first} to {last}: {count} connections to one address and port");
    if count >= users {
        return check("local ports", Status::Ok, found, "");
    }
    let remedy = "sysctl -w net.ipv4.ip_local_port_range='1024 65535', and several --local-ips beyond 64512 users";
    check("local ports", Status::Warn, found, remedy)
}

fn mappings(users: u64, found: &Findings) -> Check {
    let per_user = if found.guard_pages {
        0
    } else {
        MAPPINGS_PER_USER_WITHOUT_GUARDS
    };
    let needed = users
        .saturating_mul(per_user)
        .saturating_add(MAPPINGS_SPARE);
    let Some(most) = found.mappings_max else {
        return check(
            "mappings",
            Status::Warn,
            unknown(),
            "look at vm.max_map_count",
        );
    };
    let text = format!("vm.max_map_count is {most}; {needed} needed");
    if most >= needed {
        return check("mappings", Status::Ok, text, "");
    }
    check(
        "mappings",
        Status::Fail,
        text,
        format!("sysctl -w vm.max_map_count={needed}"),
    )
}

fn guard_pages(supported: bool) -> Check {
    if supported {
        return check("guard pages", Status::Ok, "within one mapping", "");
    }
    let remedy = "nothing up to some 30000 users; Linux 6.13 or later beyond";
    check("guard pages", Status::Warn, "two mappings a user", remedy)
}

fn overcommit(mode: Option<u64>) -> Check {
    match mode {
        Some(2) => check(
            "overcommit",
            Status::Warn,
            "vm.overcommit_memory is 2: reserving counts as using",
            "sysctl -w vm.overcommit_memory=1",
        ),
        Some(mode) => check(
            "overcommit",
            Status::Ok,
            format!("vm.overcommit_memory is {mode}"),
            "",
        ),
        None => check(
            "overcommit",
            Status::Warn,
            unknown(),
            "look at vm.overcommit_memory",
        ),
    }
}

fn address_space(users: u64, possible: bool) -> Check {
    let found = format!("{users} users of {} MiB each", USER_MEMORY_BYTES_MAX >> 20);
    if possible {
        return check("address space", Status::Ok, found, "");
    }
    let remedy =
        "ulimit -v unlimited, sysctl -w vm.overcommit_memory=1, or a smaller --memory-limit";
    check(
        "address space",
        Status::Fail,
        format!("not enough for {found}"),
        remedy,
    )
}

fn memory(users: u64, available_bytes: Option<u64>) -> Check {
    let Some(available) = available_bytes else {
        return check(
            "memory",
            Status::Warn,
            unknown(),
            "look at MemAvailable in /proc/meminfo",
        );
    };
    let fit = available / USER_FOOTPRINT_BYTES;
    let found = format!(
        "{} MB available: {fit} users at {} KB each",
        available / 1_000_000,
        USER_FOOTPRINT_BYTES / 1000
    );
    if fit >= users {
        return check("memory", Status::Ok, found, "");
    }
    check(
        "memory",
        Status::Fail,
        found,
        format!("run {fit} users or fewer here, or add memory"),
    )
}

fn clock(found: &Findings) -> Check {
    let source = found.clock_source.clone().unwrap_or_else(unknown);
    let text = format!("{source}, {} ns", found.clock_resolution_ns);
    if found.clock_resolution_ns > CLOCK_RESOLUTION_NS_MAX {
        let remedy = "enable high-resolution timers (boot without highres=off)";
        return check("clock", Status::Fail, text, remedy);
    }
    // Where /sys is hidden, as in some containers, the source is unknown; its resolution was good.
    if found.clock_source.is_none() || CLOCK_SOURCES_FAST.contains(&source.as_str()) {
        return check("clock", Status::Ok, text, "");
    }
    let remedy = "a faster one if `available_clocksource` beside it in /sys lists one, such as tsc";
    check("clock", Status::Warn, text, remedy)
}

fn cores(count: usize) -> Check {
    if count > 1 {
        return check("processors", Status::Ok, count.to_string(), "");
    }
    check(
        "processors",
        Status::Warn,
        "1",
        "a target on this machine would compete with the users for it",
    )
}

fn page(users: u64, checks: &[Check]) -> String {
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    let mut page = format!("for {users} users with a connection each\n");
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        page.push_str(&format!(
            "{status}  {:width$}  {}\n",
            check.name, check.found
        ));
        if !check.remedy.is_empty() {
            page.push_str(&format!("      {:width$}  remedy: {}\n", "", check.remedy));
        }
    }
    page
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
