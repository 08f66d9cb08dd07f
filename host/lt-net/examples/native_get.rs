//! What the HTTP path costs without a sandbox: users that GET one URL again and again over their own kept connection.
//!
//! `native_get URL [USERS] [SECONDS] [THREADS] [http1|http2]` prints requests, failures, requests per second and CPU time
//! (user and system) per request: the client alone, recording nothing. The bench compares with `native_user`; this is the place to profile.

#![allow(
    clippy::disallowed_methods,
    reason = "a program of its own: it has nobody to take its arguments from"
)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lt_net::http::{BODY_KEPT_BYTES_MAX, Body, Exchange, Reuse, Url, VersionChoice};
use lt_net::{Network, NetworkOptions, Pool, Route, TlsProfiles, TlsSettings};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use tokio::task::LocalSet;
use tokio::time::Instant;

/// Time for one request: a benchmark that waits longer has failed.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Plan {
    url: String,
    users: usize,
    time: Duration,
    threads: usize,
    version: VersionChoice,
}

#[derive(Default)]
struct Outcome {
    requests: u64,
    failures: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |index: usize, default: u64| args.get(index).map_or(Ok(default), |text| text.parse());
    let plan = Plan {
        url: args
            .first()
            .cloned()
            .ok_or("usage: native_get URL [USERS] [SECONDS] [THREADS] [http1|http2]")?,
        users: usize::try_from(number(1, 100)?)?,
        time: Duration::from_secs(number(2, 5)?),
        threads: usize::try_from(number(3, 1)?)?,
        version: match args.get(4).map(String::as_str) {
            Some("http1") => VersionChoice::Http1,
            Some("http2") => VersionChoice::Http2,
            _ => VersionChoice::Automatic,
        },
    };
    let tls = Arc::new(TlsProfiles::default());
    let start = Instant::now();
    let threads: Vec<_> = (0..plan.threads)
        .map(|_| {
            let (plan, tls) = (plan.clone(), tls.clone());
            std::thread::spawn(move || run_thread(&plan, tls).map_err(|error| error.to_string()))
        })
        .collect();
    let mut total = Outcome::default();
    for thread in threads {
        let outcome = thread.join().map_err(|_| "a thread panicked")??;
        total.requests += outcome.requests;
        total.failures += outcome.failures;
    }
    let elapsed = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let (user, system) = (
        usage.user_time().num_microseconds(),
        usage.system_time().num_microseconds(),
    );
    let each = |micros: i64| micros as f64 / total.requests.max(1) as f64;
    println!(
        "requests {} failures {} rps {:.0} cpu_us_per_request {:.2} (user {:.2} system {:.2})",
        total.requests,
        total.failures,
        total.requests as f64 / elapsed.as_secs_f64(),
        each(user + system),
        each(user),
        each(system),
    );
    Ok(())
}

fn run_thread(plan: &Plan, tls: Arc<TlsProfiles>) -> Result<Outcome, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let network = Network::new(NetworkOptions {
        tls,
        ..NetworkOptions::default()
    });
    let profile = network.tls_profile(&TlsSettings {
        insecure: true,
        ..TlsSettings::default()
    })?;
    let route = Rc::new(Route::direct(profile));
    let end = Instant::now() + plan.time;
    let users = plan.users / plan.threads;
    LocalSet::new().block_on(&runtime, async {
        let tasks: Vec<_> = (0..users)
            .map(|_| {
                let pool = Pool::new(network.clone(), route.clone());
                tokio::task::spawn_local(run_user(pool, plan.url.clone(), plan.version, end))
            })
            .collect();
        let mut total = Outcome::default();
        for task in tasks {
            let outcome = task.await??;
            total.requests += outcome.requests;
            total.failures += outcome.failures;
        }
        Ok(total)
    })
}

async fn run_user(
    pool: Pool,
    url: String,
    version: VersionChoice,
    end: Instant,
) -> Result<Outcome, lt_net::NetError> {
    let url = Url::parse(&url)?;
    let mut outcome = Outcome::default();
    loop {
        let now = Instant::now();
        if now >= end {
            return Ok(outcome);
        }
        let request = Exchange {
            method: &Method::GET,
            url: &url,
            headers: &[("user-agent", b"native_get")],
            body: &Body::None,
            version,
            reuse: Reuse::Keep,
            expect_continue: false,
            keep_body: true,
            body_bytes_max: BODY_KEPT_BYTES_MAX,
            deadline: now + TIMEOUT,
        };
        match pool.exchange(&request).await {
            Ok(answer) if answer.status == 200 => outcome.requests += 1,
            Ok(_) | Err(_) => outcome.failures += 1,
        }
    }
}
