//! Reading what a run wrote: the summary, k6's export, the samples.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// `summary.json` of a results directory.
#[derive(Clone, Debug)]
pub struct Summary(pub Value);

impl Summary {
    /// Read it.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        Self(json(path))
    }

    /// A value of a metric: `values` of the metric of this name, `None` if the metric had no sample.
    #[must_use]
    pub fn value(&self, metric: &str, value: &str) -> Option<f64> {
        let metrics = self.0["metrics"].as_array().expect("a summary has metrics");
        let found = metrics.iter().find(|found| found["name"] == metric)?;
        Some(
            found["values"][value]
                .as_f64()
                .unwrap_or_else(|| panic!("{metric} has no {value}: {found}")),
        )
    }

    /// A value of a part of a metric: of the submetric with this selector, such as `state:failed`. `None` if there is none.
    #[must_use]
    pub fn part(&self, metric: &str, selector: &str, value: &str) -> Option<f64> {
        let metrics = self.0["metrics"].as_array().expect("a summary has metrics");
        let found = metrics.iter().find(|found| found["name"] == metric)?;
        let mut parts = found["submetrics"].as_array()?.iter();
        parts.find(|part| part["selector"] == selector)?["values"][value].as_f64()
    }

    /// Sum of a counter, zero without samples.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole and small"
    )]
    pub fn count(&self, counter: &str) -> u64 {
        self.value(counter, "count").unwrap_or(0.0) as u64
    }

    /// Whether a threshold held; `None` if there is none with this metric and expression.
    #[must_use]
    pub fn held(&self, metric: &str, expression: &str) -> Option<bool> {
        let thresholds = self.0["thresholds"]
            .as_array()
            .expect("a summary has thresholds");
        let found = thresholds.iter().find(|threshold| {
            threshold["metric"] == metric && threshold["expression"] == expression
        })?;
        found["ok"].as_bool()
    }

    /// Names of the checks, in order.
    #[must_use]
    pub fn check_names(&self) -> Vec<String> {
        let checks = self.0["checks"].as_array().expect("a summary has checks");
        let names = checks.iter().filter_map(|check| check["name"].as_str());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Checks that failed, each with how often.
    #[must_use]
    pub fn failed_checks(&self) -> Vec<(String, u64)> {
        let checks = self.0["checks"].as_array().expect("a summary has checks");
        checks
            .iter()
            .filter_map(|check| {
                let fails = check["fails"].as_u64().filter(|fails| *fails > 0)?;
                Some((check["name"].as_str()?.to_owned(), fails))
            })
            .collect()
    }

    /// What a reader must know before trusting the numbers, in one text.
    #[must_use]
    pub fn warnings(&self) -> String {
        let warnings = self.0["warnings"]
            .as_array()
            .expect("a summary has warnings");
        let texts: Vec<&str> = warnings.iter().filter_map(|text| text.as_str()).collect();
        texts.join("\n")
    }

    /// How often users failed in this way.
    #[must_use]
    pub fn failures(&self, class: &str) -> u64 {
        self.failure(class)
            .map_or(0, |found| found["count"].as_u64().expect("a count"))
    }

    /// How often users failed in any way.
    #[must_use]
    pub fn failures_in_all(&self) -> u64 {
        let all = self.0["failures"]
            .as_array()
            .expect("a summary has failures");
        all.iter().filter_map(|found| found["count"].as_u64()).sum()
    }

    /// The texts of this way of failing, joined.
    #[must_use]
    pub fn failure_texts(&self, class: &str) -> String {
        let Some(found) = self.failure(class) else {
            return String::new();
        };
        let messages = found["messages"].as_array().expect("messages are a list");
        messages
            .iter()
            .filter_map(|message| message["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn failure(&self, class: &str) -> Option<&Value> {
        let all = self.0["failures"]
            .as_array()
            .expect("a summary has failures");
        all.iter().find(|found| found["class"] == class)
    }

    /// Passes and fails of a check; `None` if it was never made.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<(u64, u64)> {
        let checks = self.0["checks"].as_array().expect("a summary has checks");
        let found = checks.iter().find(|check| check["name"] == name)?;
        Some((found["passes"].as_u64()?, found["fails"].as_u64()?))
    }
}

/// One row of a CSV output.
pub type Row = BTreeMap<String, String>;

/// All rows of a CSV output, by column.
#[must_use]
pub fn csv(path: &Path) -> Vec<Row> {
    let mut reader =
        csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let columns = reader.headers().expect("a CSV output has a header").clone();
    reader
        .records()
        .map(|record| {
            let record = record.expect("rows are as long as the header");
            columns
                .iter()
                .map(str::to_owned)
                .zip(record.iter().map(str::to_owned))
                .collect()
        })
        .collect()
}

/// A tag of a row, also one that shares the last column.
#[must_use]
pub fn tag<'row>(row: &'row Row, name: &str) -> Option<&'row str> {
    if let Some(value) = row.get(name) {
        return Some(value);
    }
    row["extra_tags"]
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(found, _)| *found == name))
        .map(|(_, value)| value)
}

/// Sums of a counter by the values of a tag.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole and small"
)]
pub fn sums_by(rows: &[Row], counter: &str, name: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| row["metric_name"] == counter) {
        let value: f64 = row["metric_value"].parse().expect("values are numbers");
        let of = tag(row, name).unwrap_or_default().to_owned();
        *sums.entry(of).or_insert(0) += value as u64;
    }
    sums
}

/// All lines of a JSON output.
#[must_use]
pub fn json_lines(path: &Path) -> Vec<Value> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// A JSON file.
#[must_use]
pub fn json(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()))
}

/// Error codes of failed requests in a CSV output, each with its number of requests.
#[must_use]
pub fn error_codes(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for row in rows.iter().filter(|row| row["metric_name"] == "http_reqs") {
        *codes.entry(row["error_code"].clone()).or_insert(0) += 1;
    }
    codes
}
