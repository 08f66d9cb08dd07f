//! What writing single samples costs: microseconds a sample, of a request with ten samples under the same tags.
//!
//! `cargo run --release -p lt-report --example write_cost`

use std::io::{BufWriter, sink};
use std::sync::Arc;
use std::time::Instant;

use lt_metrics::builtin::{BUILTINS, HTTP_REQ_DURATION};
use lt_metrics::{Registry, Sample, Tags};
use lt_report::{SampleWriter, SamplesCsv, SamplesJson};

const REQUESTS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let url = "http://127.0.0.1:8080/products/17";
    let pairs = [
        ("expected_response", "true"),
        ("group", "::shop"),
        ("method", "GET"),
        ("name", url),
        ("proto", "HTTP/1.1"),
        ("scenario", "shop"),
        ("status", "200"),
        ("url", url),
    ];
    let kinds: Vec<Arc<Tags>> = (0..8)
        .map(|node: u32| Arc::new(Tags::new(pairs).with(&[("node", &node.to_string())])))
        .collect();
    let metrics = BUILTINS.iter().skip(HTTP_REQ_DURATION.index()).take(10);
    let samples: Vec<Sample> = (0..REQUESTS)
        .flat_map(|request| {
            let tags = kinds
                .get(request % kinds.len())
                .cloned()
                .unwrap_or_default();
            metrics.clone().map(move |metric| Sample {
                metric: metric.id,
                tags: Arc::clone(&tags),
                value: 12.345_678,
                time_unix_ns: 1_614_173_830_123_456_789 + request as i64,
            })
        })
        .collect();
    let mut outputs: [(&str, Box<dyn SampleWriter>); 2] = [
        (
            "json",
            Box::new(SamplesJson::new(BufWriter::new(sink()), &[])),
        ),
        ("csv", Box::new(SamplesCsv::new(BufWriter::new(sink()))?)),
    ];
    for (name, output) in &mut outputs {
        let start = Instant::now();
        output.write(&samples, &registry)?;
        println!(
            "{name:<5} {:.2} µs a sample",
            start.elapsed().as_secs_f64() * 1e6 / samples.len() as f64
        );
    }
    Ok(())
}
