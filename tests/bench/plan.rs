//! How much is measured.

use std::path::PathBuf;
use std::time::Duration;

/// What one bench does.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Short form: every row, but with less of everything. Its figures show direction, not the product's limits.
    pub(crate) quick: bool,
    /// Whether a figure that falls short is a failure.
    pub(crate) strict: bool,
    /// Rows to measure; empty for all.
    pub(crate) only: Vec<String>,
    /// Where the figures go.
    pub(crate) json: PathBuf,
    /// Alternating rounds of the programs that are compared.
    pub(crate) rounds: usize,
    /// How long each program runs in a round.
    pub(crate) round_time: Duration,
    /// Users that only sleep.
    pub(crate) sleepers: u64,
    /// Users with an idle connection: under the 20 000 open files that a process may have, and under the 28 000 ports that one
    /// address has towards one server.
    pub(crate) connections: u64,
    /// Users that join as fast as they can.
    pub(crate) joiners: u64,
    /// Starts of the process; the median counts.
    pub(crate) starts: usize,
    /// Rounds of a row that nothing is compared with, and that is long.
    pub(crate) lone_rounds: usize,
    /// How long iterations arrive at a constant rate.
    pub(crate) arrival_time: Duration,
    /// Users that wake once a second.
    pub(crate) wakers: u64,
    /// How long the CPU time of their wakes is counted.
    pub(crate) wake_time: Duration,
    /// Pairs that meet and write to each other.
    pub(crate) pairs: u64,
    /// WebSockets that one message goes to.
    pub(crate) receivers: u64,
    /// Users that log in to an XMPP server.
    pub(crate) xmpp_users: u64,
    /// How long users write to each other over XMPP.
    pub(crate) xmpp_talk_time: Duration,
    /// Users that play one RTMP stream.
    pub(crate) rtmp_players: u64,
    /// Processes that play the same stream, for comparison.
    pub(crate) rtmp_processes: usize,
    /// Users that publish an RTMP stream each.
    pub(crate) rtmp_publishers: u64,
    /// How long streams are looked at.
    pub(crate) rtmp_time: Duration,
    /// Users whose code is swapped while they run.
    pub(crate) swap_users: u64,
    /// How often it is swapped in a minute.
    pub(crate) swaps: u32,
    /// How many times faster than documented k6's example of ramping users runs.
    pub(crate) users_curve_faster: u32,
    /// How many times faster than documented k6's example of a ramping arrival rate runs, with as many times its rates.
    pub(crate) arrivals_curve_faster: u32,
}

impl Plan {
    /// What was typed, or what is wrong with it.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut plan = Self::full();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.ok_or_else(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--quick" => {
                    plan = Self {
                        strict: plan.strict,
                        only: plan.only,
                        json: plan.json,
                        ..Self::quick()
                    }
                }
                "--strict" => plan.strict = true,
                "--only" => plan.only = value()?.split(',').map(str::to_owned).collect(),
                "--json" => plan.json = value()?.into(),
                other => return Err(format!("unknown argument {other}")),
            }
        }
        Ok(plan)
    }

    /// Whether a row is wanted.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == row)
    }

    fn full() -> Self {
        Self {
            quick: false,
            strict: false,
            only: Vec::new(),
            json: "results/bench.json".into(),
            rounds: 5,
            round_time: Duration::from_secs(4),
            sleepers: 100_000,
            connections: 15_000,
            joiners: 50_000,
            starts: 9,
            lone_rounds: 3,
            arrival_time: Duration::from_secs(10),
            wakers: 20_000,
            wake_time: Duration::from_secs(10),
            pairs: 10_000,
            receivers: 2_000,
            xmpp_users: 5_000,
            xmpp_talk_time: Duration::from_secs(20),
            rtmp_players: 1_000,
            rtmp_processes: 40,
            rtmp_publishers: 200,
            rtmp_time: Duration::from_secs(20),
            swap_users: 2_000,
            swaps: 10,
            users_curve_faster: 1,
            arrivals_curve_faster: 10,
        }
    }

    fn quick() -> Self {
        Self {
            quick: true,
            rounds: 3,
            round_time: Duration::from_secs(1),
            sleepers: 10_000,
            connections: 2_000,
            joiners: 10_000,
            starts: 3,
            lone_rounds: 1,
            arrival_time: Duration::from_secs(3),
            wakers: 5_000,
            wake_time: Duration::from_secs(4),
            pairs: 1_000,
            receivers: 500,
            xmpp_users: 500,
            xmpp_talk_time: Duration::from_secs(6),
            rtmp_players: 200,
            rtmp_processes: 20,
            rtmp_publishers: 50,
            rtmp_time: Duration::from_secs(6),
            swap_users: 300,
            swaps: 3,
            users_curve_faster: 5,
            arrivals_curve_faster: 60,
            ..Self::full()
        }
    }
}
