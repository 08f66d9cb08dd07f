//! `make bench`: what lt-host costs, beside programs that do the same work, measured in one run on one machine.
//!
//! `lt-bench [--quick] [--only ROW,ROW] [--json FILE]` prints a table and writes it as JSON. Figures that other work on the machine
//! does not spoil come first: CPU time per request, bytes per user, ratios within one round. It exits with 0 whatever the
//! verdicts are, unless `--strict` is given: a busy machine is not a broken program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot measure ends there, with the reason"
)]

mod chat_server;
mod child;
mod curve;
mod nginx;
mod pin;
mod plan;
mod rows;
mod table;
mod tools;
mod tsung;

use std::process::ExitCode;

use crate::plan::Plan;
use crate::table::{Table, Verdict};

/// What may be typed.
const USAGE: &str = "usage: lt-bench [--quick] [--strict] [--only ROW,ROW…] [--json FILE]\n\
                     rows: speed latency sleepers connections tls joining start arrivals wakes pairs sockets echo fan-out curves \
                     xmpp-idle xmpp-login xmpp-messages rtmp-players rtmp-memory rtmp-publishers swap";

#[expect(
    clippy::disallowed_methods,
    reason = "the bench is a program of its own, without lt-host's front"
)]
fn main() -> ExitCode {
    let plan = match Plan::parse(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut table = Table::new(&plan);
    rows::measure(&plan, &mut table);
    println!("{table}");
    if let Err(error) = table.write_json(&plan.json) {
        eprintln!("{}: {error}", plan.json.display());
        return ExitCode::FAILURE;
    }
    println!("also in {}", plan.json.display());
    if plan.strict && table.rows().iter().any(|row| row.verdict != Verdict::Ok) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
