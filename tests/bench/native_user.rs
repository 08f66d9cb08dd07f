//! What the user of `http-get` does, without a sandbox: the same client, and the same samples into the same recorder. What lt-host
//! costs beyond it is the sandbox: the guest's code, its host calls, the way from its fiber to its sockets and back.
//!
//! `native_user URL USERS SECONDS THREADS` prints requests, failures and requests per second.

#![allow(
    clippy::disallowed_methods,
    reason = "a program of its own: it has nobody to take its arguments from"
)]

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{Delta, Recorder, Registry, SubmetricPlan, TagsId, Totals, builtin};
use lt_net::http::{ClientConfig, HttpClient, Observation, Request};
use lt_net::{Network, NetworkOptions, Route, TlsProfiles, TlsSettings};
use tokio::task::LocalSet;
use tokio::time::Instant;

#[derive(Clone)]
struct Plan {
    url: String,
    users: usize,
    time: Duration,
    threads: usize,
    registry: Arc<Registry>,
    submetrics: Arc<SubmetricPlan>,
    tls: Arc<TlsProfiles>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, users, seconds, threads] = args.as_slice() else {
        return Err("usage: native_user URL USERS SECONDS THREADS".into());
    };
    let registry = Arc::new(Registry::new());
    let plan = Plan {
        url: url.clone(),
        users: users.parse()?,
        time: Duration::from_secs(seconds.parse()?),
        threads: threads.parse()?,
        submetrics: Arc::new(SubmetricPlan::new(&registry, &[])?),
        registry,
        tls: Arc::new(TlsProfiles::default()),
    };
    let start = Instant::now();
    let threads: Vec<_> = (0..plan.threads)
        .map(|thread| {
            let plan = plan.clone();
            std::thread::spawn(move || run_thread(&plan, thread).map_err(|error| error.to_string()))
        })
        .collect();
    let mut totals = Totals::new(plan.registry.clone(), plan.submetrics.clone());
    for thread in threads {
        totals.merge(&thread.join().map_err(|_| "a thread panicked")??);
    }
    let requests = totals.count(builtin::HTTP_REQS);
    let failed = 1.0 - totals.share(builtin::CHECKS).unwrap_or(0.0);
    println!(
        "requests {requests} failures {:.0} rps {:.0}",
        (totals.count(builtin::ITERATIONS) * failed).ceil(),
        requests / start.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// One thread's users, as a core of lt-host has them.
fn run_thread(plan: &Plan, thread: usize) -> Result<Delta, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let network = Network::new(NetworkOptions {
        tls: plan.tls.clone(),
        ..NetworkOptions::default()
    });
    let profile = network.tls_profile(&TlsSettings {
        insecure: true,
        ..TlsSettings::default()
    })?;
    let config = Rc::new(ClientConfig::new(Rc::new(Route::direct(profile))));
    let recorder = Recorder::new(plan.registry.clone(), plan.submetrics.clone(), false);
    let recorder = Rc::new(RefCell::new(recorder));
    let end = Instant::now() + plan.time;
    LocalSet::new().block_on(&runtime, async {
        let tasks: Vec<_> = (thread..plan.users)
            .step_by(plan.threads)
            .map(|_| {
                let client = HttpClient::new(network.clone(), config.clone());
                let user = run_user(client, plan.url.clone(), recorder.clone(), end);
                tokio::task::spawn_local(user)
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(recorder.borrow_mut().take())
}

/// Iterates as lt-load has users iterate.
async fn run_user(client: HttpClient, url: String, recorder: Rc<RefCell<Recorder>>, end: Instant) {
    let tags = recorder
        .borrow_mut()
        .derive(TagsId::EMPTY, &[("scenario", "http-get")]);
    let http_tags = RefCell::new(None);
    loop {
        let start = Instant::now();
        if start >= end {
            return;
        }
        let request = Request::get(url.as_str());
        let answer = client
            .send(request, |seen| {
                let mut recorder = recorder.borrow_mut();
                let known = *http_tags.borrow_mut().get_or_insert_with(|| {
                    let request = [
                        ("expected_response", "true"),
                        ("method", seen.method.as_str()),
                        ("name", seen.name()),
                        ("proto", seen.version.map_or("", |version| version.as_str())),
                        ("status", "200"),
                        ("url", seen.url.as_str()),
                    ];
                    recorder.derive(tags, &request)
                });
                record(&mut recorder, known, seen);
            })
            .await;
        let passed = answer.is_ok_and(|answer| answer.status() == 200);
        client.end_iteration();
        let mut recorder = recorder.borrow_mut();
        recorder.check("status is 200", "", tags, passed);
        recorder.record(builtin::ITERATIONS, tags, 1.0);
        recorder.record_time(builtin::ITERATION_DURATION, tags, start.elapsed());
    }
}

/// What lt-runtime records of an exchange.
fn record(recorder: &mut Recorder, tags: TagsId, seen: &Observation<'_>) {
    let timings = seen.timings;
    let failed = if seen.expected { 0.0 } else { 1.0 };
    recorder.record(builtin::HTTP_REQS, tags, 1.0);
    recorder.record(builtin::HTTP_REQ_FAILED, tags, failed);
    for (metric, time) in [
        (builtin::HTTP_REQ_DURATION, timings.duration()),
        (builtin::HTTP_REQ_BLOCKED, timings.blocked),
        (builtin::HTTP_REQ_RESOLVING, timings.resolving),
        (builtin::HTTP_REQ_CONNECTING, timings.connecting),
        (builtin::HTTP_REQ_TLS_HANDSHAKING, timings.tls),
        (builtin::HTTP_REQ_SENDING, timings.sending),
        (builtin::HTTP_REQ_WAITING, timings.waiting),
        (builtin::HTTP_REQ_RECEIVING, timings.receiving),
    ] {
        recorder.record_time(metric, tags, time);
    }
    if !seen.reused {
        recorder.record(builtin::HTTP_CONNECTIONS, tags, 1.0);
    }
    recorder.record(builtin::DATA_SENT, tags, seen.bytes_sent as f64);
    recorder.record(builtin::DATA_RECEIVED, tags, seen.bytes_received as f64);
}
