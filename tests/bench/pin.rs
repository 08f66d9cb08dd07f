//! Which processor does what: where a row says "one core", lt-host has one to itself, and the servers another.

use std::process::{Command, Stdio};

/// Two processors of those that this process may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// That of the program that is measured.
    pub(crate) measured: usize,
    /// That of all others.
    pub(crate) others: usize,
}

impl Cores {
    /// The last and the first; `None`, with a word on standard error, where there are no two, or nothing to choose them with.
    pub(crate) fn two() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let mut numbers = line
            .unwrap_or_default()
            .split([',', '-'])
            .filter_map(|number| number.trim().parse::<usize>().ok());
        let others = numbers.next();
        let cores = others
            .zip(numbers.next_back())
            .map(|(others, measured)| Self { measured, others });
        let has_taskset = Command::new("taskset")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok();
        if cores.is_none() || !has_taskset {
            eprintln!("  no two processors, or no taskset: all share what there is");
            return None;
        }
        cores
    }
}

/// A command that runs a program there; its arguments are to follow.
pub(crate) fn command(program: &std::ffi::OsStr, core: Option<usize>) -> Command {
    let Some(core) = core else {
        return Command::new(program);
    };
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// Have a process that runs go on there, with all its threads.
pub(crate) fn put(id: u32, core: Option<usize>) {
    let Some(core) = core else { return };
    let status = Command::new("taskset")
        .args(["-a", "-p", "-c", &core.to_string(), &id.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "process {id} cannot be put onto processor {core}"
    );
}
