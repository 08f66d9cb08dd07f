//! Runs as text for Prometheus (exposition format 0.0.4).
//!
//! Names are our metrics' with `lt_` before them and, after them, what the rules of prometheus.io ask for: the unit in words
//! (`_seconds`, `_bytes`), `_total` for counters, `_ratio` for shares. Times are seconds there, not milliseconds. A trend is a
//! summary: quantiles over the whole run, `_sum` and `_count`.
//!
//! All samples of one name stand together below one `# TYPE`, whatever run they are of, as scrapers demand.

use std::collections::BTreeMap;
use std::fmt::Write;

use lt_metrics::builtin::BUILTINS;
use lt_metrics::{Kind, MetricSummary, Summary, Trend, Unit, Values};

/// What the format is called in `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// What every name begins with.
const PREFIX: &str = "lt_";

/// A page for Prometheus, filled family by family. Two metrics that would have one name cannot both be told: the first stays.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    families: BTreeMap<String, Family>,
    /// Every name that a sample has, and the family it is of.
    taken: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Family {
    kind: &'static str,
    doc: String,
    /// The metric it tells.
    source: String,
    samples: String,
}

impl Exposition {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a run: everything in its summary, under these labels (`run`, `scenario`).
    pub fn run(&mut self, labels: &[(&str, &str)], summary: &Summary) {
        for metric in &summary.metrics {
            self.metric(labels, metric);
        }
    }

    /// Add a value that goes up and down. `name` is whole but for the prefix: `host_memory_bytes`.
    pub fn gauge(&mut self, name: &str, doc: &str, labels: &[(&str, &str)], value: f64) {
        self.plain("gauge", name, doc, labels, value);
    }

    /// Add a value that only grows. `name` is whole but for the prefix: `host_uploads_total`.
    pub fn counter(&mut self, name: &str, doc: &str, labels: &[(&str, &str)], value: f64) {
        self.plain("counter", name, doc, labels, value);
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> String {
        let mut text = String::new();
        for (name, family) in &self.families {
            // Writing to a text cannot fail.
            let _written = write!(
                text,
                "# HELP {name} {}\n# TYPE {name} {}\n{}",
                escaped(&family.doc, false),
                family.kind,
                family.samples
            );
        }
        text
    }

    fn plain(
        &mut self,
        kind: &'static str,
        name: &str,
        doc: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let name = format!("{PREFIX}{}", cleaned(name));
        let source = name.clone();
        if let Some(samples) = self.family((&name, kind), doc, &source) {
            sample(samples, &name, labels, None, value);
        }
    }

    fn metric(&mut self, labels: &[(&str, &str)], metric: &MetricSummary) {
        let name = exposed(metric);
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Rate => "gauge",
            Kind::Trend => "summary",
        };
        let Some(samples) = self.family((&name, kind), &doc(&metric.name), &metric.name) else {
            return;
        };
        let unit = metric.unit;
        match &metric.values {
            Values::Counter { count, .. } => {
                sample(samples, &name, labels, None, base(unit, *count))
            }
            Values::Gauge { value, .. } => sample(samples, &name, labels, None, base(unit, *value)),
            Values::Rate { rate, .. } => sample(samples, &name, labels, None, *rate),
            Values::Trend(trend) => summary(samples, (&name, unit), labels, trend),
        }
    }

    /// The samples of a family; `None` if a name it needs is another's.
    fn family(
        &mut self,
        (name, kind): (&str, &'static str),
        doc: &str,
        source: &str,
    ) -> Option<&mut String> {
        if !self.families.contains_key(name) {
            let names = match kind {
                "summary" => vec![
                    name.to_owned(),
                    format!("{name}_sum"),
                    format!("{name}_count"),
                ],
                _ => vec![name.to_owned()],
            };
            if names.iter().any(|name| self.taken.contains_key(name)) {
                return None;
            }
            let owned = names.into_iter().map(|taken| (taken, name.to_owned()));
            self.taken.extend(owned);
            let family = Family {
                kind,
                doc: doc.to_owned(),
                source: source.to_owned(),
                samples: String::new(),
            };
            self.families.insert(name.to_owned(), family);
        }
        let family = self.families.get_mut(name)?;
        (family.kind == kind && family.source == source).then_some(&mut family.samples)
    }
}

/// The quantiles, the sum and the number of a trend.
fn summary(
    samples: &mut String,
    (name, unit): (&str, Unit),
    labels: &[(&str, &str)],
    trend: &Trend,
) {
    for (quantile, value) in [("0.5", trend.med), ("0.95", trend.p95), ("0.99", trend.p99)] {
        sample(samples, name, labels, Some(quantile), base(unit, value));
    }
    let count = trend.count as f64;
    let sum = base(unit, trend.avg * count);
    sample(samples, &format!("{name}_sum"), labels, None, sum);
    sample(samples, &format!("{name}_count"), labels, None, count);
}

fn sample(
    samples: &mut String,
    name: &str,
    labels: &[(&str, &str)],
    quantile: Option<&str>,
    value: f64,
) {
    samples.push_str(name);
    let quantile = quantile.map(|quantile| ("quantile", quantile));
    let all: Vec<String> = labels
        .iter()
        .copied()
        .chain(quantile)
        .map(|(label, text)| format!("{}=\"{}\"", cleaned(label), escaped(text, true)))
        .collect();
    if !all.is_empty() {
        let _written = write!(samples, "{{{}}}", all.join(","));
    }
    let _written = writeln!(samples, " {}", number(value));
}

/// `http_req_duration` is `lt_http_req_duration_seconds`.
fn exposed(metric: &MetricSummary) -> String {
    let unit = match (metric.kind, metric.unit) {
        (Kind::Rate, _) => "_ratio",
        (_, Unit::Time) => "_seconds",
        (_, Unit::Data) => "_bytes",
        (_, Unit::None) => "",
    };
    let total = match metric.kind {
        Kind::Counter => "_total",
        Kind::Gauge | Kind::Rate | Kind::Trend => "",
    };
    format!("{PREFIX}{}{unit}{total}", cleaned(&metric.name))
}

/// In the unit that Prometheus asks for: times in seconds.
fn base(unit: Unit, value: f64) -> f64 {
    match unit {
        Unit::Time => value / 1000.0,
        Unit::Data | Unit::None => value,
    }
}

fn doc(metric: &str) -> String {
    let known = BUILTINS.iter().find(|builtin| builtin.name == metric);
    known.map_or_else(
        || format!("The scenario's {metric}."),
        |builtin| builtin.doc.to_owned(),
    )
}

/// With nothing but what a name may have.
fn cleaned(name: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || character == '_';
    name.chars()
        .map(|character| if fits(character) { character } else { '_' })
        .collect()
}

/// A label's value, or a line of help.
fn escaped(text: &str, is_quoted: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if is_quoted => escaped.push_str("\\\""),
            // Scrapers end a line at none of these, people's terminals do.
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
