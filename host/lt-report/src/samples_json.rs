//! Every sample as a line of JSON, in k6's layout (`--out json=`).

use std::collections::BTreeMap;
use std::io::{self, Write};

use lt_metrics::{Metric, MetricId, Registry, Sample, Threshold};
use serde::Serialize;

use crate::samples::{SampleWriter, rfc3339_nano};

/// See the module: a `Metric` line before the first sample of each metric, a `Point` line for each sample.
pub struct SamplesJson<W> {
    writer: W,
    /// Expressions by metric name.
    thresholds: BTreeMap<String, Vec<String>>,
    /// By metric id, whether its line was written.
    announced: Vec<bool>,
    line: Vec<u8>,
}

#[derive(Serialize)]
struct Line<'a, D> {
    r#type: &'static str,
    data: D,
    metric: &'a str,
}

#[derive(Serialize)]
struct MetricData<'a> {
    name: &'a str,
    r#type: &'static str,
    contains: &'static str,
    tainted: Option<bool>,
    thresholds: &'a [String],
    submetrics: Option<()>,
}

#[derive(Serialize)]
struct Point<'a> {
    time: String,
    value: serde_json::Number,
    tags: BTreeMap<&'a str, &'a str>,
}

impl<W: Write> SamplesJson<W> {
    /// An output over any writer; buffer it. The thresholds are told in the lines of their metrics, as k6 does.
    pub fn new(writer: W, thresholds: &[Threshold]) -> Self {
        let mut by_metric: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for threshold in thresholds
            .iter()
            .filter(|threshold| threshold.tags().is_empty())
        {
            by_metric
                .entry(threshold.metric().to_owned())
                .or_default()
                .push(threshold.expression().to_owned());
        }
        Self {
            writer,
            thresholds: by_metric,
            announced: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Write one line in one call, so that a crash cuts no line that a reader sees.
    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.writer.write_all(&self.line)
    }

    fn is_announced(&self, metric: MetricId) -> bool {
        self.announced.get(metric.index()).copied().unwrap_or(false)
    }
}

impl<W: Write> SampleWriter for SamplesJson<W> {
    fn metric(&mut self, metric: &Metric) -> io::Result<()> {
        if self.is_announced(metric.id) {
            return Ok(());
        }
        if self.announced.len() <= metric.id.index() {
            self.announced.resize(metric.id.index() + 1, false);
        }
        if let Some(slot) = self.announced.get_mut(metric.id.index()) {
            *slot = true;
        }
        let thresholds = self
            .thresholds
            .remove(metric.name.as_ref())
            .unwrap_or_default();
        let data = MetricData {
            name: &metric.name,
            r#type: metric.kind.name(),
            contains: metric.unit.name(),
            tainted: None,
            thresholds: &thresholds,
            submetrics: None,
        };
        self.write_line(&Line {
            r#type: "Metric",
            data,
            metric: &metric.name,
        })
    }

    fn write(&mut self, samples: &[Sample], registry: &Registry) -> io::Result<()> {
        let metrics = registry.all();
        for sample in samples {
            let Some(metric) = metrics.get(sample.metric.index()) else {
                continue;
            };
            self.metric(metric)?;
            let data = Point {
                time: rfc3339_nano(sample.time_unix_ns),
                value: number(sample.value),
                tags: sample.tags.iter().collect(),
            };
            self.write_line(&Line {
                r#type: "Point",
                data,
                metric: &metric.name,
            })?;
        }
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Whole numbers without a point, as k6 writes them; recorders let only finite values in.
fn number(value: f64) -> serde_json::Number {
    /// Whole numbers up to here are exact in a double.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        return serde_json::Number::from(value as i64);
    }
    serde_json::Number::from_f64(value).unwrap_or_else(|| serde_json::Number::from(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::testing::{Shared, some};

    #[test]
    fn lines_are_in_k6s_layout() {
        let shared = Shared::default();
        let thresholds = [
            "http_req_duration:avg<1000".parse().unwrap(),
            "http_req_duration{a:b}:avg<1".parse().unwrap(),
            "http_req_duration:max<9".parse().unwrap(),
        ];
        let mut writer = Box::new(SamplesJson::new(shared.clone(), &thresholds));
        writer.write(&some(), &Registry::new()).unwrap();
        writer.write(&some()[2..], &Registry::new()).unwrap();
        writer.finish().unwrap();
        let want = r#"{"type":"Metric","data":{"name":"http_req_duration","type":"trend","contains":"time","tainted":null,"thresholds":["avg<1000","max<9"],"submetrics":null},"metric":"http_req_duration"}
{"type":"Point","data":{"time":"2021-02-24T13:37:10Z","value":459.86,"tags":{"expected_response":"true","method":"GET","name":"http://127.0.0.1/a,b","node":"one","scenario":"shop","status":"200"}},"metric":"http_req_duration"}
{"type":"Point","data":{"time":"2021-02-24T13:37:10.12Z","value":1,"tags":{"error":"connection refused","error_code":"1212","group":"::a \"quoted\" group"}},"metric":"http_req_duration"}
{"type":"Metric","data":{"name":"data_sent","type":"counter","contains":"data","tainted":null,"thresholds":[],"submetrics":null},"metric":"data_sent"}
{"type":"Point","data":{"time":"2021-02-24T13:37:20.000000007Z","value":318,"tags":{}},"metric":"data_sent"}
{"type":"Point","data":{"time":"2021-02-24T13:37:20.000000007Z","value":318,"tags":{}},"metric":"data_sent"}
"#;
        assert_eq!(shared.text(), want);
    }

    #[test]
    fn numbers_keep_their_value() {
        assert_eq!(number(-3.0).to_string(), "-3");
        assert_eq!(number(0.1).to_string(), "0.1");
        assert_eq!(number(1e300).as_f64(), Some(1e300));
    }
}
