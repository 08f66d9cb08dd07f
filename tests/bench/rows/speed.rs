//! Small GETs over kept connections, as fast as it goes: oha, lt-host, wrk and the client without a sandbox in turn.

use serde_json::{Value, json};

use super::median;
use crate::nginx::Nginx;
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};
use crate::tools::{Sample, has_wrk, oha, run_lt_host, run_native, run_oha, run_wrk};

/// CPU time per request, as a share of oha's.
const CPU_TO_OHA_MAX: f64 = 1.1;
/// Requests a second, as a share of oha's.
const RATE_TO_OHA_MIN: f64 = 0.85;
/// CPU time per request in the sandbox, as a share of that without.
const CPU_TO_NATIVE_MAX: f64 = 1.2;

/// What each program did in each round.
#[derive(Default)]
struct Rounds {
    lt_host: Vec<Sample>,
    native: Vec<Sample>,
    oha: Vec<Sample>,
    wrk: Vec<Sample>,
}

/// Measure.
pub(super) fn measure(plan: &Plan, nginx: &Nginx, table: &mut Table) {
    let url = nginx.url();
    let (oha, wrk) = (oha(), has_wrk());
    let mut rounds = Rounds::default();
    for round in 1..=plan.rounds {
        if let Some(program) = &oha {
            rounds.oha.push(run_oha(program, &url, plan.round_time));
        }
        rounds
            .lt_host
            .push(run_lt_host(&url, plan.round_time, None));
        if wrk {
            rounds.wrk.push(run_wrk(&url, plan.round_time, None));
        }
        rounds.native.push(run_native(&url, plan.round_time));
        let tell = |name: &str, samples: &[Sample]| {
            let last = samples
                .last()
                .map(|last| (last.requests_per_second, last.cpu_us));
            let (rate, cpu) = last.unwrap_or((f64::NAN, f64::NAN));
            format!("{name} {rate:.0}/s {cpu:.2} µs")
        };
        eprintln!(
            "  round {round}: {}, {}, {}, {}",
            tell("oha", &rounds.oha),
            tell("lt-host", &rounds.lt_host),
            tell("wrk", &rounds.wrk),
            tell("native", &rounds.native)
        );
    }
    report(&rounds, table);
}

fn report(rounds: &Rounds, table: &mut Table) {
    let cpu = |samples: &[Sample]| median(samples.iter().map(|sample| sample.cpu_us).collect());
    let rate = |samples: &[Sample]| {
        median(
            samples
                .iter()
                .map(|sample| sample.requests_per_second)
                .collect(),
        )
    };
    let Rounds {
        lt_host,
        native,
        oha,
        wrk,
    } = rounds;
    let details = json!({
        "lt-host": listed(lt_host), "native": listed(native), "oha": listed(oha), "wrk": listed(wrk),
    });
    let ratio = cpu(lt_host) / cpu(oha);
    table.add(Row {
        what: "small GET, 100 users: CPU per request",
        target: format!("at most {CPU_TO_OHA_MAX} of oha's"),
        figure: format!(
            "{ratio:.2} (lt-host {:.2} µs, oha {:.2} µs, wrk {:.2} µs)",
            cpu(lt_host),
            cpu(oha),
            cpu(wrk)
        ),
        value: ratio,
        verdict: judged(oha, Verdict::at_most(ratio, CPU_TO_OHA_MAX)),
        details: details.clone(),
    });
    let ratio = rate(lt_host) / rate(oha);
    table.add(Row {
        what: "small GET, 100 users: requests a second",
        target: format!("at least {RATE_TO_OHA_MIN} of oha's"),
        figure: format!(
            "{ratio:.2} (lt-host {:.0}, oha {:.0}, wrk {:.0})",
            rate(lt_host),
            rate(oha),
            rate(wrk)
        ),
        value: ratio,
        verdict: judged(oha, Verdict::at_least(ratio, RATE_TO_OHA_MIN)),
        details: details.clone(),
    });
    let ratio = cpu(lt_host) / cpu(native);
    table.add(Row {
        what: "sandbox against native: CPU per request",
        target: format!("at most {CPU_TO_NATIVE_MAX} of native's"),
        figure: format!(
            "{ratio:.2} (lt-host {:.2} µs, native {:.2} µs)",
            cpu(lt_host),
            cpu(native)
        ),
        value: ratio,
        verdict: judged(native, Verdict::at_most(ratio, CPU_TO_NATIVE_MAX)),
        details,
    });
}

/// A comparison needs somebody to compare with.
fn judged(other: &[Sample], verdict: Verdict) -> Verdict {
    if other.is_empty() {
        Verdict::Missing
    } else {
        verdict
    }
}

fn listed(samples: &[Sample]) -> Vec<Value> {
    samples
        .iter()
        .map(|sample| json!({ "requests_per_second": sample.requests_per_second, "cpu_us_per_request": sample.cpu_us }))
        .collect()
}
