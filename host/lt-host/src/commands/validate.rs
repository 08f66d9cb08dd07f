//! `lt-host validate`: would this run, here and now?

use std::fmt::Write;

use clap::{ArgMatches, Args, Command};
use lt_runtime::Scenario;

use crate::caveats::caveats_of;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::machine;
use crate::options::{ReportOptions, RunOptions};
use crate::plan_page::{Around, plan_page};
use crate::prepare::prepare;
use crate::process::Process;

/// Descriptors that a run needs beside those of its users' connections.
pub(crate) const DESCRIPTORS_SPARE: u64 = 64;

/// Check a run without starting it: scenarios, options, run file, data files, memory, descriptors
///
/// Takes what `lt-host run` takes. Prints the plan (users over time, expected iterations, memory needed, settings, data), or
/// everything that is wrong with it (exit code 104). Speaks to nobody.
#[derive(Clone, Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    report: ReportOptions,
}

impl Validate {
    /// Take in where its options came from.
    pub(crate) fn learn(&mut self, command: &Command, matches: &ArgMatches) {
        self.options.learn(command, matches);
    }

    /// Check and print the plan.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let prepared = prepare(&self.options, &self.report, process)?;
        let around = Around {
            descriptions: prepared
                .scenarios
                .iter()
                .map(Scenario::description)
                .collect(),
            data: &prepared.data,
            memory_available_bytes: machine::memory_available_bytes(),
            seed_is_given: prepared.seed_is_given,
        };
        let mut page = plan_page(&prepared.spec, &around);
        let machine = warnings(
            prepared.spec.users_max(),
            machine::descriptors().hard,
            machine::ephemeral_ports(),
        );
        for warning in caveats_of(&prepared).into_iter().chain(machine) {
            let _infallible = write!(page, "\nwarning: {warning}");
        }
        process.print(&format!(
            "{}\n\nvalid: it would run here\n",
            page.trim_end()
        ))?;
        Ok(Exit::Success)
    }
}

/// What may run short with one connection a user. Not errors: a scenario need not keep connections, or even open any.
pub(crate) fn warnings(
    users: u64,
    descriptors: Option<u64>,
    ports: Option<(u64, u64)>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let needed = users.saturating_add(DESCRIPTORS_SPARE);
    if let Some(limit) = descriptors.filter(|limit| *limit < needed) {
        warnings.push(format!(
            "{limit} descriptors are too few for a connection of each of {users} users (remedy: ulimit -Hn {needed} as root, \
             or LimitNOFILE={needed} for a service)"
        ));
    }
    if let Some((first, last)) = ports {
        let count = last.saturating_sub(first) + 1;
        if users > count {
            warnings.push(format!(
                "{count} local ports are too few for a connection of each of {users} users to one address (remedy: \
                 sysctl -w net.ipv4.ip_local_port_range='1024 65535', or several --local-ips)"
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_each_needs_a_descriptor_and_a_port_each() {
        assert!(warnings(100, Some(1024), Some((32_768, 60_999))).is_empty());
        assert!(warnings(1_000_000, None, None).is_empty());
        let both = warnings(30_000, Some(30_000), Some((32_768, 60_999)));
        assert_eq!(both.len(), 2);
        assert!(both[0].contains("ulimit -Hn 30064"), "{both:?}");
        assert!(both[1].starts_with("28232 local ports"), "{both:?}");
    }
}
