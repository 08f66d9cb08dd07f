//! What recording costs: nanoseconds a call, printed beside the cost of the histogram alone.
//!
//! `cargo run --release -p lt-metrics --example record_cost`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lt_metrics::builtin::{HTTP_REQ_DURATION, HTTP_REQS};
use lt_metrics::{Histogram, Recorder, Registry, SubmetricPlan, TagsId, Totals, Unit};

const ROUNDS: u32 = 7;
const CALLS: u32 = 2_000_000;

/// The median of some rounds, in nanoseconds a call.
fn cost(mut call: impl FnMut(Duration)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut nanos = 123_456_789_u64;
            let start = Instant::now();
            for _ in 0..CALLS {
                // Times from 0.2 ms to 8.6 ms, in no order.
                nanos = nanos
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                call(Duration::from_nanos(200_000 + (nanos >> 41)));
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Arc::new(Registry::new());
    let plan = Arc::new(SubmetricPlan::new(
        &registry,
        &["http_req_duration{name:cart}:p(95)<200".parse()?],
    )?);
    let mut recorder = Recorder::new(Arc::clone(&registry), Arc::clone(&plan), false);
    let plain = recorder.derive(TagsId::EMPTY, &[("name", "cart"), ("status", "500")]);
    let expected = recorder.derive(
        TagsId::EMPTY,
        &[("expected_response", "true"), ("status", "200")],
    );

    let mut histogram = Histogram::new(Unit::Time);
    println!(
        "loop alone                          {:6.1} ns",
        cost(|time| _ = black_box(time))
    );
    println!(
        "Histogram::record_time              {:6.1} ns",
        cost(|time| histogram.record_time(time))
    );
    let mut case = |name: &str, tags: TagsId| {
        println!(
            "Recorder::record_time, {name:<12} {:6.1} ns",
            cost(|time| recorder.record_time(HTTP_REQ_DURATION, tags, time))
        );
    };
    case("no submetric", TagsId::EMPTY);
    case("one", expected);
    case("another", plain);
    println!(
        "Recorder::record of a counter       {:6.1} ns",
        cost(|_| recorder.record(HTTP_REQS, expected, 1.0))
    );
    println!(
        "Recorder::check                     {:6.1} ns",
        cost(|_| recorder.check("status is 200", "::shop", expected, true))
    );
    let request = [
        ("expected_response", "true"),
        ("method", "GET"),
        ("name", "http://127.0.0.1/"),
        ("proto", "HTTP/1.1"),
    ];
    println!(
        "Recorder::derive, 4 tags            {:6.1} ns",
        cost(|_| _ = black_box(recorder.derive(TagsId::EMPTY, &request)))
    );

    let mut totals = Totals::new(registry, plan);
    let start = Instant::now();
    let mut delta = recorder.take();
    let taken = start.elapsed();
    totals.merge(&delta);
    let first = start.elapsed() - taken;
    totals.merge(&delta);
    let second = start.elapsed() - taken - first;
    delta.clear();
    println!(
        "take {taken:?}, merge into empty {first:?}, merge again {second:?}, clear {:?}",
        start.elapsed() - taken - first - second
    );
    Ok(())
}
