//! `lt-host set`: change a run while it goes on.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::client::{Served, find, tell_run, whole_number};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Change a run while it goes on: settings, users, rate, load, throttles, thresholds, tags
///
/// Everything is checked before anything changes: either all of it is done, or none.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Set {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// New values of live settings of the scenario. `lt-host describe` tells which are live.
    #[arg(value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Which of the run's scenarios users, rate, load and settings are of, if it has several.
    #[arg(long, value_name = "NAME", env = "LT_PART")]
    part: Option<String>,
    /// How many users there are to be.
    #[arg(long, value_name = "N", env = "LT_NEW_USERS")]
    users: Option<String>,
    /// How many iterations are to start in a time: 100/s, 6000/m.
    #[arg(long, value_name = "RATE", env = "LT_NEW_RATE")]
    rate: Option<String>,
    /// Another load in place of the scenario's, by the keys of a run file: executor=ramping-users, stages=30s:100,
    /// duration=10m. Each may be repeated, stages in their order. Users of the old load end after their iterations; the new one
    /// has users of its own.
    #[arg(
        long = "load",
        value_name = "KEY=VALUE",
        env = "LT_NEW_LOAD",
        value_delimiter = '\n'
    )]
    load: Vec<String>,
    /// A throttle of the scenario: login=10/s, login=10/s:30s to get there in half a minute, login=parallelism:5, login=pause,
    /// login=resume, login=unlock. May be repeated.
    #[arg(
        long = "throttle",
        value_name = "NAME=CHANGE",
        env = "LT_NEW_THROTTLE",
        value_delimiter = '\n'
    )]
    throttles: Vec<String>,
    /// The thresholds from now on: all of them. May be repeated.
    #[arg(
        long = "threshold",
        value_name = "EXPR",
        env = "LT_NEW_THRESHOLD",
        value_delimiter = '\n'
    )]
    thresholds: Vec<String>,
    /// The tags of the run's samples from now on: all of them. May be repeated.
    #[arg(
        long = "tag",
        value_name = "NAME=VALUE",
        env = "LT_NEW_TAG",
        value_delimiter = '\n'
    )]
    tags: Vec<String>,
    #[command(flatten)]
    served: Served,
}

const EXAMPLES: &str = "\
Examples:
  Users think longer:
    lt-host set latest pause=5s
  Twice the rate, judged anew:
    lt-host set latest --rate 200/s --threshold 'http_req_duration:p(95)<500'
  Another shape of load:
    lt-host set latest --load executor=ramping-users --load stages=30s:500 --load stages=5m:500
  Logins slowly up to fifty a second:
    lt-host set latest --throttle login=50/s:1m";

impl Set {
    /// Change it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let body = self.body()?;
        let client = self.served.client(process)?;
        let id = find(&client, &self.run)?;
        let answer = client.patch(&["runs", &id], &body)?;
        tell_run(&self.served, &answer, process)?;
        Ok(Exit::Success)
    }

    fn body(&self) -> Result<Value, CommandError> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            body.extend(value.map(|value| (name.to_owned(), value)));
        };
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let section = |pairs: Map<String, Value>| (!pairs.is_empty()).then_some(pairs.into());
        let users = self.users.as_deref();
        let users = users
            .map(|users| whole_number("--users", users))
            .transpose()?;
        put("users", users.map(Value::from));
        put("rate", text(&self.rate));
        put("executor", section(load(&self.load)?));
        put("settings", section(texts("NAME=VALUE", &self.settings)?));
        put("throttles", section(throttles(&self.throttles)?));
        put("tags", section(texts("--tag", &self.tags)?));
        let thresholds = &self.thresholds;
        put(
            "thresholds",
            (!thresholds.is_empty()).then(|| json!(thresholds)),
        );
        if body.is_empty() {
            let remedy = "give a setting, or an option such as --users 100";
            return Err(CommandError::input(
                "NAME=VALUE",
                "",
                "nothing is changed",
                remedy,
            ));
        }
        body.extend(
            self.part
                .clone()
                .map(|part| ("scenario".to_owned(), part.into())),
        );
        Ok(body.into())
    }
}

fn pair<'text>(field: &str, text: &'text str) -> Result<(&'text str, &'text str), CommandError> {
    lt_spec::parse::pair(text)
        .map_err(|fault| CommandError::input(field, text, fault.message, fault.remedy))
}

/// `NAME=VALUE` each; of one name the last counts.
pub(super) fn texts(field: &str, all: &[String]) -> Result<Map<String, Value>, CommandError> {
    let all = all.iter().filter(|text| !text.trim().is_empty());
    all.map(|text| {
        let (name, value) = pair(field, text)?;
        Ok((name.to_owned(), value.into()))
    })
    .collect()
}

/// Keys of a load. Stages are a list.
fn load(all: &[String]) -> Result<Map<String, Value>, CommandError> {
    let mut keys = Map::new();
    let mut stages = Vec::new();
    for text in all.iter().filter(|text| !text.trim().is_empty()) {
        let (key, value) = pair("--load", text)?;
        if ["stage", "stages"].contains(&key) {
            stages.push(Value::from(value));
        } else {
            keys.insert(key.to_owned(), value.into());
        }
    }
    if !stages.is_empty() {
        keys.insert("stages".to_owned(), stages.into());
    }
    Ok(keys)
}

/// `NAME=CHANGE` each.
fn throttles(all: &[String]) -> Result<Map<String, Value>, CommandError> {
    let all = all.iter().filter(|text| !text.trim().is_empty());
    all.map(|text| {
        let (name, change) = pair("--throttle", text)?;
        let change = match change.split_once(':') {
            Some(("parallelism", most)) => {
                json!({ "parallelism": whole_number("--throttle", most)? })
            }
            Some((rate, over)) => json!({ "rate": rate, "over": over }),
            None if ["pause", "resume", "unlock"].contains(&change) => json!(change),
            None => json!({ "rate": change }),
        };
        Ok((name.to_owned(), change))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn throttles_are_changed_in_five_ways() {
        let all = typed(&[
            "a=10/s",
            "b=10/s:30s",
            "c=parallelism:5",
            "d=pause",
            "e=resume",
            "f=unlock",
        ]);
        assert_eq!(
            Value::from(throttles(&all).unwrap()),
            json!({
                "a": { "rate": "10/s" },
                "b": { "rate": "10/s", "over": "30s" },
                "c": { "parallelism": 5 },
                "d": "pause", "e": "resume", "f": "unlock"
            })
        );
        for bad in ["a", "=1/s", "a=parallelism:x"] {
            let error = throttles(&typed(&[bad])).unwrap_err().to_string();
            assert!(error.contains("--throttle"), "{error}");
        }
    }

    #[test]
    fn a_load_is_its_keys() {
        let all = typed(&["executor=ramping-users", "stages=30s:5", "stage=1m:0", ""]);
        assert_eq!(
            Value::from(load(&all).unwrap()),
            json!({ "executor": "ramping-users", "stages": ["30s:5", "1m:0"] })
        );
    }

    #[test]
    fn values_may_hold_what_they_like() {
        let all = typed(&["url=http://x/?a=b", "empty="]);
        assert_eq!(
            Value::from(texts("NAME=VALUE", &all).unwrap()),
            json!({ "url": "http://x/?a=b", "empty": "" })
        );
    }
}
