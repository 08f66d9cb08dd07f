//! What this machine has: memory, processors, descriptors, ports. Read from `/proc` and `/sys`; what cannot be read is
//! unknown, never guessed.

use std::path::Path;
use std::time::Duration;

use crate::saturation::GeneratorLoad;
use lt_spec::Machine;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Name of this host if the system tells none.
const NODE_UNKNOWN: &str = "localhost";

/// What `lt-spec` must know of the place and the moment.
#[must_use]
pub fn of_run(random: fn() -> u64) -> Machine {
    // 53 bits: the summary is JSON, whose readers keep no more, and a seed must survive being copied from it.
    let seed = random() >> 11;
    Machine {
        memory_available_bytes: memory_available_bytes(),
        cores: cores(),
        node: line("/proc/sys/kernel/hostname").unwrap_or_else(|| NODE_UNKNOWN.to_owned()),
        seed,
        run_id: format!("run-{:012x}", random() >> 16),
    }
}

/// Processors that this process may use: affinity and quota counted.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Memory that can be taken without swapping: what the kernel says, and what the control groups around us leave.
pub fn memory_available_bytes() -> Option<u64> {
    let free = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| meminfo_available(&text));
    [free, cgroup_room_bytes()].into_iter().flatten().min()
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn meminfo_available(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least room that our control group (version 2) and those around it leave; `None` if none of them has a limit.
fn cgroup_room_bytes() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))?
        .to_owned();
    let root = Path::new("/sys/fs/cgroup");
    let rooms = root.join(path);
    rooms
        .ancestors()
        .take_while(|dir| dir.starts_with(root))
        .filter_map(group_room_bytes)
        .min()
}

fn group_room_bytes(dir: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).ok();
    let limit: u64 = read("memory.max")?.trim().parse().ok()?; // "max" is no number: no limit
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    // Pages of files that nobody uses now are counted as used, but given back when needed.
    let reclaimable = read("memory.stat")
        .and_then(|text| field(&text, "inactive_file"))
        .unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(reclaimable)))
}

/// The number behind a name, in files of `name number` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

/// Open files (and sockets) this process may have: now, and after raising it. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The soft limit.
    pub soft: Option<u64>,
    /// The hard limit, up to which the soft one may be raised.
    pub hard: Option<u64>,
}

/// The limits of open files.
pub fn descriptors() -> Descriptors {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    Descriptors {
        soft: current,
        hard: maximum,
    }
}

/// Raise the soft limit of open files to the hard one: each connection takes one, and shells start programs with a
/// thousand. Returns what may be used from now on.
pub fn raise_descriptors() -> Option<u64> {
    let Descriptors { soft, hard } = descriptors();
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: hard,
            maximum: hard,
        },
    );
    if raised.is_ok() { hard } else { soft }
}

/// What this process uses at this moment, for a run that watches itself: three system calls.
pub fn generator_load() -> GeneratorLoad {
    GeneratorLoad {
        cpu: cpu_time(),
        processors: cores(),
        descriptors: descriptors_open().unwrap_or(0),
        descriptors_max: descriptors().soft,
        resident_bytes: resident_bytes().unwrap_or(0),
    }
}

/// Memory that this process holds.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// CPU time of all threads of this process since it started.
fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(spent.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(spent.tv_sec).unwrap_or(0), nanoseconds)
}

/// Descriptors that are open. Linux tells their number as the size of the directory since 6.2; before, they are counted.
fn descriptors_open() -> Option<u64> {
    let dir = Path::new("/proc/self/fd");
    let told = std::fs::metadata(dir).ok()?.len();
    if told > 0 {
        return Some(told);
    }
    // The listing itself holds one.
    let listed = std::fs::read_dir(dir).ok()?.count() as u64;
    Some(listed.saturating_sub(1))
}

/// First and last ephemeral port: `/proc/sys/net/ipv4/ip_local_port_range`.
pub fn ephemeral_ports() -> Option<(u64, u64)> {
    let text = line("/proc/sys/net/ipv4/ip_local_port_range")?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A file under `/proc` or `/sys` that holds one number.
pub fn number(path: &str) -> Option<u64> {
    line(path)?.parse().ok()
}

/// A file under `/proc` or `/sys` that holds one line.
pub fn line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_bytes() {
        let text = "MemTotal:       24000000 kB\nMemFree:  1 kB\nMemAvailable:    2000 kB\n";
        assert_eq!(meminfo_available(text), Some(2_048_000));
        assert_eq!(meminfo_available("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "anon 5\nactive_file 6\ninactive_file 7\n";
        assert_eq!(field(text, "inactive_file"), Some(7));
        assert_eq!(field(text, "file"), None);
        assert_eq!(field(text, "active"), None);
    }

    #[test]
    fn descriptors_can_be_raised_to_the_hard_limit() {
        let raised = raise_descriptors();
        assert_eq!(raised, descriptors().soft);
        assert_eq!(raised, descriptors().hard);
    }

    #[test]
    fn a_run_can_watch_what_it_uses() {
        let before = generator_load();
        assert!(before.cpu > Duration::ZERO && before.processors >= 1);
        assert!(before.resident_bytes > 0);
        let files: Vec<_> = (0..10)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        // Other tests of the process open and close some meanwhile, as few as they are.
        assert!(descriptors_open().unwrap() >= files.len() as u64);
        assert_eq!(generator_load().descriptors_max, descriptors().soft);
        assert!(generator_load().cpu >= before.cpu);
    }

    #[test]
    fn a_run_has_a_seed_that_json_can_hold() {
        let machine = of_run(|| u64::MAX);
        assert!(machine.seed < 1 << 53);
        assert!(machine.cores >= 1);
    }
}
