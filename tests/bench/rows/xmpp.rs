//! XMPP: what an idle session costs, how fast users log in, and what a message costs, beside tsung on the same prosody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lt_tests::guests::{guest, scenario};
use lt_tests::prosody::{Options, Prosody};
use lt_tests::results::Summary;
use lt_tests::temp::TempDir;
use serde_json::{Value, json};

use super::sockets::raise_descriptors;
use super::{median, memory};
use crate::child::{Cost, figure, lt_host, measured, summary};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};
use crate::tsung::{self, Latency, Work};

/// Bytes of a user with an idle session.
const SESSION_BYTES_MAX: f64 = 60_000.0;
/// The same over TLS.
const TLS_SESSION_BYTES_MAX: f64 = 70_000.0;
/// Time between two users who are to be idle: prosody, on one core, needs some milliseconds for each login.
const LOGIN_INTERVAL: Duration = Duration::from_millis(6);
/// The same over TLS.
const TLS_LOGIN_INTERVAL: Duration = Duration::from_millis(14);
/// Users who come each second to log in: more than prosody takes.
const LOGINS_PER_SECOND: u64 = 1000;
/// Logins a second, as a share of tsung's.
const LOGIN_TO_TSUNG_MIN: f64 = 1.0;
/// How long a user stays that only logs in.
const LOGIN_STAY: Duration = Duration::from_secs(3);
/// Users who write to each other.
const WRITERS: u64 = 200;
/// Time between two messages of one of them.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(500);
/// Time for all of them to come.
const WRITERS_PER_SECOND: u64 = 100;
/// CPU time of a message, as a share of tsung's.
const MESSAGE_TO_TSUNG_MAX: f64 = 0.5;
/// How often the server is asked what it has seen.
const LOOK: Duration = Duration::from_millis(200);
/// What tsung's message is long.
const BODY: &str = "................................................................";

/// What an idle session costs.
pub(super) fn idle(plan: &Plan, table: &mut Table) {
    let what = "users with an idle XMPP session";
    let Some(server) = start(plan, table, what) else {
        return;
    };
    for (what, security, interval, bytes_max) in [
        (what, "none", LOGIN_INTERVAL, SESSION_BYTES_MAX),
        (
            "users with an idle XMPP session over TLS",
            "starttls",
            TLS_LOGIN_INTERVAL,
            TLS_SESSION_BYTES_MAX,
        ),
    ] {
        let set = settings(&server, security, "best");
        let of = |users| memory::arguments("bench_xmpp_idle", users, interval, &set);
        let run = memory::row(plan.xmpp_users, bytes_max, what, table, of);
        drop(run);
        quiet(&server);
    }
}

/// How many log in each second.
pub(super) fn login(plan: &Plan, table: &mut Table) {
    const WHAT: &str = "XMPP logins a second";
    let Some(server) = start(plan, table, WHAT) else {
        return;
    };
    // The server derives the keys of an account when it first logs in.
    let _warm = our_logins(plan, &server);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut our_us, mut their_us) = (Vec::new(), Vec::new());
    for round in 1..=plan.lone_rounds {
        let (rate, cpu_us) = our_logins(plan, &server);
        ours.push(rate);
        our_us.push(cpu_us);
        if tsung::is_installed() {
            let (rate, cpu_us) = their_logins(plan, &server);
            theirs.push(rate);
            their_us.push(cpu_us);
        }
        eprintln!(
            "  round {round}: lt-host {ours:.0?}/s {our_us:.0?} µs, tsung {theirs:.0?}/s {their_us:.0?} µs"
        );
    }
    let ratio = median(ours.clone()) / median(theirs.clone());
    table.add(Row {
        what: WHAT,
        target: format!("at least {LOGIN_TO_TSUNG_MIN} of tsung's"),
        figure: format!(
            "{ratio:.2} (lt-host {:.0}/s and {:.0} µs CPU each, tsung {:.0}/s and {:.0} µs; {} users, PLAIN, no TLS)",
            median(ours.clone()),
            median(our_us.clone()),
            median(theirs.clone()),
            median(their_us.clone()),
            plan.xmpp_users
        ),
        value: ratio,
        verdict: of_ratio(ratio, Verdict::at_least(ratio, LOGIN_TO_TSUNG_MIN)),
        details: json!({ "users": plan.xmpp_users, "lt-host": ours, "tsung": theirs, "lt-host_cpu_us": our_us, "tsung_cpu_us": their_us }),
    });
}

/// What a message costs, its sending and its receiving together.
pub(super) fn messages(plan: &Plan, table: &mut Table) {
    const WHAT: &str = "XMPP messages: CPU time each";
    let Some(server) = start(plan, table, WHAT) else {
        return;
    };
    let _warm = our_talk(&server, Duration::from_secs(2), Duration::from_secs(3600));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut said = Vec::new();
    for round in 1..=plan.lone_rounds {
        let mine = our_messages(plan, &server);
        ours.push(mine.cpu_us);
        let other = tsung::is_installed().then(|| their_messages(plan, &server));
        theirs.extend(other.as_ref().map(|other| other.cpu_us));
        let line = format!("lt-host {mine:.1?}, tsung {other:.1?}");
        eprintln!("  round {round}: {line}");
        said.push(json!({ "lt-host": mine.json(), "tsung": other.as_ref().map(Talk::json) }));
        if round == plan.lone_rounds {
            let ratio = median(ours.clone()) / median(theirs.clone());
            let delivery = other.map_or(f64::NAN, |other| other.delivery_ms);
            table.add(Row {
                what: WHAT,
                target: format!("at most {MESSAGE_TO_TSUNG_MAX} of tsung's"),
                figure: format!(
                    "{ratio:.2} (lt-host {:.1} µs, tsung {:.1} µs at {:.0} and {WRITERS} users; mean time to delivery {:.2} ms, p95 {:.2}, tsung {delivery:.2})",
                    median(ours.clone()),
                    median(theirs.clone()),
                    WRITERS as f64 / MESSAGE_INTERVAL.as_secs_f64(),
                    mine.delivery_ms,
                    mine.p95_ms,
                ),
                value: ratio,
                verdict: of_ratio(ratio, Verdict::at_most(ratio, MESSAGE_TO_TSUNG_MAX)),
                details: json!(said),
            });
        }
    }
}

/// A ratio with nothing to compare is not measured.
fn of_ratio(ratio: f64, verdict: Verdict) -> Verdict {
    if ratio.is_nan() {
        Verdict::Missing
    } else {
        verdict
    }
}

/// A server with the users of the plan and without an archive, or a row that says that there is none.
fn start(plan: &Plan, table: &mut Table, what: &'static str) -> Option<Prosody> {
    raise_descriptors();
    let server = Prosody::start_with(&Options {
        users: u32::try_from(plan.xmpp_users).unwrap_or(u32::MAX),
        archive: false,
        plain_without_tls: true,
        ..Options::default()
    });
    if server.is_none() {
        table.add(Row {
            what,
            target: "prosody".to_owned(),
            figure: "prosody is not installed".to_owned(),
            value: f64::NAN,
            verdict: Verdict::Missing,
            details: Value::Null,
        });
    }
    server
}

/// Wait until the server has seen all users off.
fn quiet(server: &Prosody) {
    let _counts = server.await_counts("prosody to have seen all users off", |counts| {
        counts.of("unbound") == counts.of("bound")
    });
}

fn settings(server: &Prosody, security: &str, mechanism: &str) -> Vec<String> {
    vec![
        format!("--set=host={}", server.address()),
        format!("--set=security={security}"),
        format!("--set=mechanism={mechanism}"),
    ]
}

/// Logins a second, and CPU time of each in microseconds.
fn our_logins(plan: &Plan, server: &Prosody) -> (f64, f64) {
    let directory = TempDir::new();
    let mut arguments = vec![
        "run".to_owned(),
        guest("bench_xmpp_idle").display().to_string(),
        format!("--users={}", plan.xmpp_users),
        format!("--interarrival={}us", 1_000_000 / LOGINS_PER_SECOND),
        format!("--set=announce-from={}", i64::MAX), // nobody: settings are signed
        format!("--set=sleep={}s", LOGIN_STAY.as_secs()),
    ];
    arguments.extend(settings(server, "none", "plain"));
    let (cost, rate) = logins(plan, server, || {
        measured("lt-host", &mut lt_host(&directory, &arguments)).1
    });
    let summary = summary(&directory);
    assert_eq!(summary.failures_in_all(), 0, "users failed");
    (rate, cost.cpu_us / plan.xmpp_users as f64)
}

fn their_logins(plan: &Plan, server: &Prosody) -> (f64, f64) {
    let work = Work {
        port: server.port(),
        users: plan.xmpp_users,
        arrivals: LOGINS_PER_SECOND,
        wait: LOGIN_STAY,
        messages: 0,
        interval: LOGIN_STAY,
    };
    let (cost, rate) = logins(plan, server, || tsung::run(work).0);
    (rate, cost.cpu_us / plan.xmpp_users as f64)
}

/// Have the users of the plan log in; how many a second, as the server sees it, from the first to the last.
fn logins(plan: &Plan, server: &Prosody, work: impl FnOnce() -> Cost) -> (Cost, f64) {
    let before = server.counts();
    let ended = AtomicBool::new(false);
    let (cost, took) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut first = None;
            while !ended.load(Ordering::Relaxed) {
                let bound = server.counts().of("bound") - before.of("bound");
                let now = Instant::now();
                let begun = *first.get_or_insert(now);
                if bound == 0 {
                    first = None;
                } else if bound >= plan.xmpp_users {
                    return Some(now - begun + LOOK / 2);
                }
                std::thread::sleep(LOOK);
            }
            None
        });
        let cost = work();
        ended.store(true, Ordering::Relaxed);
        (cost, watcher.join().expect("the server can be asked"))
    });
    quiet(server);
    let took =
        took.unwrap_or_else(|| panic!("not all users were logged in: {:?}", server.counts()));
    (cost, plan.xmpp_users as f64 / took.as_secs_f64())
}

/// What messages cost, and how long they took.
#[derive(Clone, Copy, Debug)]
struct Talk {
    messages: f64,
    cpu_us: f64,
    delivery_ms: f64,
    p95_ms: f64,
}

impl Talk {
    fn json(&self) -> Value {
        json!({ "messages": self.messages, "cpu_us": self.cpu_us, "delivery_mean_ms": self.delivery_ms, "delivery_p95_ms": self.p95_ms })
    }
}

/// The same users for the same time, who once write and once do not: what they cost more is the messages'.
fn our_messages(plan: &Plan, server: &Prosody) -> Talk {
    let (talking, summary) = our_talk(server, plan.xmpp_talk_time, MESSAGE_INTERVAL);
    let (silent, _) = our_talk(server, plan.xmpp_talk_time, Duration::from_secs(3600));
    let messages = summary.count("delivery_sent") as f64;
    assert_eq!(summary.count("delivery_lost"), 0, "messages were lost");
    Talk {
        messages,
        cpu_us: (talking.cpu_us - silent.cpu_us) / messages,
        delivery_ms: figure(&summary, "delivery_time", "avg"),
        p95_ms: figure(&summary, "delivery_time", "p(95)"),
    }
}

fn our_talk(server: &Prosody, time: Duration, interval: Duration) -> (Cost, Summary) {
    let directory = TempDir::new();
    let coming = Duration::from_secs(WRITERS / WRITERS_PER_SECOND);
    let mut arguments = vec![
        "run".to_owned(),
        scenario("xmpp-one-to-one").display().to_string(),
        format!("--users={WRITERS}"),
        format!("--interarrival={}ms", 1000 / WRITERS_PER_SECOND),
        format!("--duration={}ms", (coming + time).as_millis()),
        format!("--set=message-interval={}ms", interval.as_millis()),
        "--set=message-count=0".to_owned(),
        format!("--set=message-body={BODY}"),
    ];
    arguments.extend(settings(server, "none", "plain"));
    let (_, cost) = measured("lt-host", &mut lt_host(&directory, &arguments));
    quiet(server);
    (cost, summary(&directory))
}

fn their_messages(plan: &Plan, server: &Prosody) -> Talk {
    let count = plan.xmpp_talk_time.as_millis() / MESSAGE_INTERVAL.as_millis();
    let work = Work {
        port: server.port(),
        users: WRITERS,
        arrivals: WRITERS_PER_SECOND,
        wait: Duration::from_secs(1),
        messages: u64::try_from(count).unwrap_or(u64::MAX),
        interval: MESSAGE_INTERVAL,
    };
    let before = server.counts();
    let (talking, latency) = tsung::run(work);
    quiet(server);
    let messages = (server.counts().of("message_in") - before.of("message_in")) as f64;
    let (silent, _) = tsung::run(Work {
        wait: work.wait + plan.xmpp_talk_time,
        messages: 0,
        ..work
    });
    quiet(server);
    assert!(messages > 0.0, "tsung wrote nothing");
    let latency = latency.unwrap_or(Latency {
        count: 0.0,
        mean_ms: f64::NAN,
    });
    Talk {
        messages,
        cpu_us: (talking.cpu_us - silent.cpu_us) / messages,
        delivery_ms: latency.mean_ms,
        p95_ms: f64::NAN,
    }
}
