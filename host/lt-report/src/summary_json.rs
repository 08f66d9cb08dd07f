//! The summary as JSON: our own layout, which is [`Summary`] as it stands, and k6's `--summary-export`.

use std::io::{self, Write};

use lt_metrics::{Kind, Summary, Values};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

/// Write our layout (`summary.json`): stable within [`lt_metrics::SUMMARY_VERSION`].
///
/// # Errors
/// What the writer says.
pub fn write_summary(mut writer: impl Write, summary: &Summary) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut writer, summary)?;
    writer.write_all(b"\n")?;
    writer.flush()
}

/// Write k6's layout of `--summary-export`: values flattened into their metrics, submetrics beside them as
/// `metric{tag:value}`, and for each threshold whether it **failed**.
///
/// # Errors
/// What the writer says.
pub fn write_summary_export(mut writer: impl Write, summary: &Summary) -> io::Result<()> {
    let export = json!({ "root_group": root_group(summary), "metrics": metrics(summary) });
    serde_json::to_writer_pretty(&mut writer, &export)?;
    writer.write_all(b"\n")?;
    writer.flush()
}

fn metrics(summary: &Summary) -> Value {
    let mut all = Map::new();
    for metric in &summary.metrics {
        all.insert(metric.name.clone(), flat(&metric.values));
        for submetric in &metric.submetrics {
            all.insert(
                format!("{}{{{}}}", metric.name, submetric.selector),
                flat(&submetric.values),
            );
        }
    }
    for threshold in &summary.thresholds {
        // A metric without a sample is there if it has a threshold, with zeros.
        let metric = all
            .entry(threshold.metric.clone())
            .or_insert_with(|| flat(&empty(threshold.kind)));
        if let Value::Object(metric) = metric {
            let thresholds = metric.entry("thresholds").or_insert_with(|| json!({}));
            if let Value::Object(thresholds) = thresholds {
                thresholds.insert(threshold.expression.clone(), Value::Bool(!threshold.ok));
            }
        }
    }
    Value::Object(all)
}

/// A metric's values as k6 names them here: a rate's share is `value`.
fn flat(values: &Values) -> Value {
    match values {
        Values::Trend(trend) => json!({
            "avg": trend.avg, "min": trend.min, "med": trend.med, "max": trend.max,
            "p(90)": trend.p90, "p(95)": trend.p95, "p(99)": trend.p99, "count": trend.count,
        }),
        Values::Rate {
            rate,
            passes,
            fails,
        } => json!({ "value": rate, "passes": passes, "fails": fails }),
        Values::Gauge { value, min, max } => json!({ "value": value, "min": min, "max": max }),
        Values::Counter { count, rate } => json!({ "count": count, "rate": rate }),
    }
}

fn empty(kind: Kind) -> Values {
    match kind {
        Kind::Counter => Values::Counter {
            count: 0.0,
            rate: 0.0,
        },
        Kind::Gauge => Values::Gauge {
            value: 0.0,
            min: 0.0,
            max: 0.0,
        },
        Kind::Rate => Values::Rate {
            rate: 0.0,
            passes: 0,
            fails: 0,
        },
        Kind::Trend => Values::Trend(lt_metrics::Trend::default()),
    }
}

/// The tree of groups with their checks.
fn root_group(summary: &Summary) -> Value {
    let mut root = group("", "");
    for path in summary.groups.iter().map(|group| group.path.as_str()) {
        descend(&mut root, path);
    }
    for check in &summary.checks {
        let path = format!("{}::{}", check.group, check.name);
        let line = json!({
            "name": check.name, "path": path, "id": id(&path), "passes": check.passes, "fails": check.fails,
        });
        if let Some(Value::Object(checks)) = descend(&mut root, &check.group).get_mut("checks") {
            checks.insert(check.name.clone(), line);
        }
    }
    root
}

/// The group of this path, made with its parents if need be.
fn descend<'a>(root: &'a mut Value, path: &str) -> &'a mut Value {
    let mut at = root;
    let mut walked = String::new();
    for name in path.split("::").filter(|name| !name.is_empty()) {
        walked.push_str("::");
        walked.push_str(name);
        let made = group(name, &walked);
        // Indexing a JSON object by a name it lacks inserts null; groups always have "groups".
        let slot = &mut at["groups"][name];
        if slot.is_null() {
            *slot = made;
        }
        at = slot;
    }
    at
}

fn group(name: &str, path: &str) -> Value {
    json!({ "name": name, "path": path, "id": id(path), "groups": {}, "checks": {} })
}

/// k6's id of a group or check: the MD5 of its path.
fn id(path: &str) -> String {
    Md5::digest(path)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::a_run;

    fn export() -> Value {
        let mut bytes = Vec::new();
        write_summary_export(&mut bytes, &a_run()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn values_are_flat_and_thresholds_say_whether_they_failed() {
        let metrics = &export()["metrics"];
        assert_eq!(
            metrics["http_reqs"],
            json!({"count": 45.0, "rate": 45.0 / 6.858, "thresholds": {"rate>5": false}})
        );
        assert_eq!(
            metrics["checks"],
            json!({"value": 50.0 / 60.0, "passes": 50, "fails": 10})
        );
        assert_eq!(
            metrics["http_req_failed"],
            json!({"value": 1.0 / 45.0, "passes": 1, "fails": 44, "thresholds": {"rate<0.01": true}}),
            "kinds are not k6's"
        );
        assert_eq!(
            metrics["vus"],
            json!({"value": 1.0, "min": 1.0, "max": 3.0})
        );
        let duration = &metrics["http_req_duration"];
        assert_eq!(
            duration["thresholds"],
            json!({"p(95)<1500": false, "avg<0.001": true})
        );
        assert_eq!(
            (&duration["min"], &duration["max"], &duration["count"]),
            (&json!(119.08), &json!(154.28), &json!(45))
        );
        assert_eq!(
            metrics["http_req_duration{expected_response:true}"]["count"],
            44
        );
        assert_eq!(
            metrics["http_req_duration{name:cart}"]["thresholds"],
            json!({"max<100": true})
        );
        assert_eq!(
            metrics["orders"],
            json!({"count": 0.0, "rate": 0.0, "thresholds": {"count>0": true}})
        );
    }

    #[test]
    fn groups_are_a_tree_with_k6s_ids() {
        let root = &export()["root_group"];
        assert_eq!(
            (&root["path"], &root["id"]),
            (&json!(""), &json!("d41d8cd98f00b204e9800998ecf8427e"))
        );
        assert_eq!(root["checks"]["status is 200"]["path"], "::status is 200");
        let cart = &root["groups"]["shop"]["groups"]["cart"];
        assert_eq!(
            (&cart["name"], &cart["path"]),
            (&json!("cart"), &json!("::shop::cart"))
        );
        let check = &cart["checks"]["has <title>"];
        assert_eq!(
            (&check["passes"], &check["fails"]),
            (&json!(20), &json!(10))
        );
        // The example of k6's own tests.
        assert_eq!(id("::child"), "f41cbb53a398ec1c9fb3d33e20c9b040");
        assert_eq!(id("::child::check1"), "6289a7a06253a1c3f6137dfb25695563");
    }

    #[test]
    fn our_layout_keeps_its_shape() {
        let mut bytes = Vec::new();
        write_summary(&mut bytes, &a_run()).unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let mut shape = Vec::new();
        outline(&value, "", &mut shape);
        shape.dedup();
        assert_eq!(
            shape.join("\n") + "\n",
            include_str!("../snapshots/summary-shape.txt")
        );
    }

    /// Every path of a value with its type; of a list only what its elements have.
    fn outline(value: &Value, path: &str, lines: &mut Vec<String>) {
        let mut leaf = |kind: &str| lines.push(format!("{path}: {kind}"));
        match value {
            Value::Null => leaf("null"),
            Value::Bool(_) => leaf("bool"),
            Value::Number(_) => leaf("number"),
            Value::String(_) => leaf("text"),
            Value::Array(items) => {
                let mut inner = Vec::new();
                items
                    .iter()
                    .for_each(|item| outline(item, &format!("{path}[]"), &mut inner));
                inner.sort();
                inner.dedup();
                lines.extend(inner);
            }
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, field)| outline(field, &format!("{path}.{name}"), lines)),
        }
    }
}
