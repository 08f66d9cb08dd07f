//! Values that nobody may see: what is shown or written is without them.

use std::sync::{Arc, PoisonError, RwLock};

use lt_metrics::Summary;
use lt_spec::spec::{Action, RunSpec};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::show::HIDDEN;

/// Fields of a snapshot whose keys are names of metrics.
const NAMED: [&str; 4] = ["trends", "counters", "gauges", "rates"];

/// What is not shown.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Each value in each form that it may have in a text; the longest first.
    forms: Vec<String>,
}

/// What nobody may see of a run, which grows while it goes on: changes and other versions of a scenario bring values and names.
/// Shared by all who show or write something of the run. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hidden(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Of settings.
    names: Vec<String>,
    values: Vec<String>,
    secrets: Arc<Secrets>,
}

impl Hidden {
    /// Settings of these names are secrets from now on, and these values are.
    pub fn learn(&self, names: &[String], values: &[String]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        for name in names {
            if !known.names.contains(name) {
                known.names.push(name.clone());
            }
        }
        let values = values
            .iter()
            .filter(|value| !known.values.contains(value))
            .cloned();
        let values: Vec<String> = values.collect();
        if !values.is_empty() {
            known.values.extend(values);
            known.secrets = Arc::new(Secrets::new(known.values.iter().map(String::as_str)));
        }
    }

    /// Those of a run's spec.
    pub fn learn_of(&self, spec: &RunSpec) {
        let scenarios = spec.scenarios.iter();
        let names: Vec<String> = scenarios
            .flat_map(|scenario| scenario.secrets.iter().cloned())
            .collect();
        let values: Vec<String> = values_of(spec).cloned().collect();
        self.learn(&names, &values);
    }

    /// What is hidden now.
    pub fn secrets(&self) -> Arc<Secrets> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.secrets.clone()
    }

    /// Names of the settings that are secrets.
    pub fn names(&self) -> Vec<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.names.clone()
    }
}

/// The values of a run's secret settings, at its start and by the changes it plans.
pub fn values_of(spec: &RunSpec) -> impl Iterator<Item = &String> {
    let settings = spec.scenarios.iter().flat_map(|scenario| {
        let names = scenario.secrets.iter();
        names.filter_map(|name| scenario.settings.get(name))
    });
    let is_secret = |name| {
        let mut scenarios = spec.scenarios.iter();
        scenarios.any(|scenario| scenario.secrets.contains(name))
    };
    let changes = spec
        .changes
        .iter()
        .filter_map(move |change| match &change.action {
            Action::Set { name, value } if is_secret(name) => Some(value),
            _ => None,
        });
    settings.chain(changes)
}

impl Secrets {
    /// Those among a run's settings, from its start and by its changes.
    pub fn of(spec: &RunSpec) -> Self {
        Self::new(values_of(spec).map(String::as_str))
    }

    /// These.
    pub fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = values
            .filter(|value| !value.is_empty())
            .flat_map(|value| {
                let printed = format!("{value:?}");
                let json = serde_json::Value::from(value).to_string();
                [
                    value.to_owned(),
                    inside(&printed).to_owned(),
                    inside(&json).to_owned(),
                ]
            })
            .collect();
        // A secret that is part of another must not leave the rest of it.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// A text without them.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            text = text.replace(form, HIDDEN);
        }
        text
    }

    /// What a run says in its own words, without them: conclusions, messages of failures, why it ended.
    pub fn hide_in_summary(&self, summary: &mut Summary) {
        self.hide_in_lines(&mut summary.conclusions);
        let failures = summary.failures.iter_mut();
        for message in failures.flat_map(|failure| &mut failure.messages) {
            message.text = self.hide(&message.text);
        }
        if let Some(reason) = &mut summary.state.ended_early {
            *reason = self.hide(reason);
        }
    }

    /// A snapshot as JSON without them: in its texts, and in the names of metrics. Its own keys stay, or nobody could read it.
    pub fn hide_in_snapshot(&self, json: String) -> String {
        if self.hide(&json) == json {
            return json;
        }
        let Ok(mut snapshot) = serde_json::from_str(&json) else {
            return self.hide(&json);
        };
        self.hide_in_value(&mut snapshot, false);
        snapshot.to_string()
    }

    fn hide_in_value(&self, value: &mut Value, keys_are_names: bool) {
        match value {
            Value::String(text) => *text = self.hide(text),
            Value::Array(items) => {
                for item in items {
                    self.hide_in_value(item, false);
                }
            }
            Value::Object(fields) => {
                let before = std::mem::take(fields);
                for (mut key, mut field) in before {
                    self.hide_in_value(&mut field, NAMED.contains(&key.as_str()));
                    if keys_are_names {
                        key = self.hide(&key);
                    }
                    fields.insert(key, field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Lines for programs without them.
    pub fn hide_in_lines(&self, lines: &mut [String]) {
        for line in lines {
            *line = self.hide_in_line(line);
        }
    }

    /// A line for programs without them. In one that is JSON only texts are looked at, names among them: a count that
    /// happens to be a secret's digits stays one, and the line can still be read.
    fn hide_in_line(&self, line: &str) -> String {
        if serde_json::from_str::<IgnoredAny>(line).is_err() {
            return self.hide(line);
        }
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((before, from)) = rest.find('"').and_then(|at| rest.split_at_checked(at)) {
            out.push_str(before);
            let length = quoted_length(from).unwrap_or(from.len());
            let (text, behind) = from.split_at_checked(length).unwrap_or((from, ""));
            out.push_str(&self.hide_in_quoted(text));
            rest = behind;
        }
        out + rest
    }

    /// A text as JSON has it, without them. It is read for that: a part of an escape is no secret.
    fn hide_in_quoted(&self, quoted: &str) -> String {
        let Ok(text) = serde_json::from_str::<String>(quoted) else {
            // Half a pair of surrogates: no text has that.
            return self.hide(quoted);
        };
        let hidden = self.hide(&text);
        if hidden == text {
            quoted.to_owned()
        } else {
            serde_json::Value::from(hidden).to_string()
        }
    }
}

/// A printed text without its quotes.
fn inside(quoted: &str) -> &str {
    let text = quoted.strip_prefix('"').unwrap_or(quoted);
    text.strip_suffix('"').unwrap_or(text)
}

/// Bytes of the text in quotes that begins here, its quotes included; none if there is no such text.
pub fn quoted_length(from: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, char) in from.strip_prefix('"')?.char_indices() {
        if char == '"' && !escaped {
            return Some(at + 2);
        }
        escaped = char == '\\' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        Secrets::new(values.iter().copied())
    }

    #[test]
    fn a_secret_is_hidden_in_each_form() {
        let secrets = secrets(&["a\"b\u{1}", "", "key", "key-of-a-star"]);
        for (text, shown) in [
            ("a\"b\u{1}, a\\\"b\\u{1}, a\\\"b\\u0001", "***, ***, ***"),
            ("rtmp://a/live/key-of-a-star", "rtmp://a/live/***"),
            ("keykey", "******"),
            ("", ""),
        ] {
            assert_eq!(secrets.hide(text), shown);
        }
    }

    #[test]
    fn a_line_of_json_stays_json_and_its_counts_stay() {
        let secrets = secrets(&["200", "star\"key", "\\", "nn"]);
        let line = r#"{"sessions":200,"errors":{"refused":{"rtmp://a/live/star\"key":4},"200":{"\\":1,"é\"\nn":-2e200}}}"#;
        let hidden = secrets.hide_in_line(line);
        assert_eq!(
            hidden,
            r#"{"sessions":200,"errors":{"refused":{"rtmp://a/live/***":4},"***":{"***":1,"é\"\nn":-2e200}}}"#
        );
        assert!(serde_json::from_str::<IgnoredAny>(&hidden).is_ok());
        assert_eq!(
            secrets.hide_in_line(r#"["\ud800 200"]"#),
            r#"["***ud800 ***"]"#
        );
    }

    #[test]
    fn a_snapshot_keeps_its_own_keys() {
        let secrets = secrets(&["users", "rate", "key"]);
        let json =
            r#"{"users":{"active":1},"counters":{"the key":{"rate":2.5}},"changes":["to users"]}"#;
        let hidden = secrets.hide_in_snapshot(json.to_owned());
        let hidden: Value = serde_json::from_str(&hidden).unwrap();
        let expected = serde_json::json!({
            "users": {"active": 1}, "counters": {"the ***": {"rate": 2.5}}, "changes": ["to ***"],
        });
        assert_eq!(hidden, expected);
        assert_eq!(
            secrets.hide_in_snapshot("{\"a\":1}".to_owned()),
            "{\"a\":1}"
        );
    }

    #[test]
    fn what_is_hidden_grows_for_all_who_have_it() {
        let hidden = Hidden::default();
        let writer = hidden.clone();
        assert_eq!(writer.secrets().hide("geheim"), "geheim");
        hidden.learn(&["token".to_owned()], &["geheim".to_owned()]);
        hidden.learn(&["token".to_owned()], &["still".to_owned()]);
        assert_eq!(writer.secrets().hide("geheim, still"), "***, ***");
        assert_eq!(writer.names(), ["token"]);
    }

    #[test]
    fn in_another_line_all_of_it_is_looked_at() {
        let secrets = secrets(&["200", "word"]);
        assert_eq!(
            secrets.hide_in_line("sessions 200, \"pass-word"),
            "sessions ***, \"pass-***"
        );
        assert_eq!(secrets.hide_in_line("{} 200"), "{} ***");
        assert_eq!(secrets.hide_in_line("\"word\""), "\"***\"");
    }

    #[test]
    fn a_summary_says_none_in_its_words() {
        let message = lt_metrics::FailureMessage {
            text: "401 for geheim".to_owned(),
            count: 1,
        };
        let mut summary = Summary {
            conclusions: vec!["with geheim".to_owned()],
            failures: vec![lt_metrics::FailureSummary {
                class: lt_metrics::FailureClass::Trap,
                count: 1,
                messages: vec![message],
            }],
            ..Summary::default()
        };
        summary.state.ended_early = Some("ended by the scenario: geheim".to_owned());
        Secrets::new(std::iter::once("geheim")).hide_in_summary(&mut summary);
        let text = serde_json::to_string(&summary).unwrap();
        assert!(
            !text.contains("geheim") && text.contains("401 for ***"),
            "{text}"
        );
    }
}
