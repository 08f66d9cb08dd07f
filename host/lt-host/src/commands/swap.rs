//! `lt-host swap`: another version of the code, while the run goes on.

use std::path::Path;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::{Map, Value, json};

use super::set::texts;
use crate::client::{
    Client, Part, Run, Served, await_run, body_with, find, is_file, run_now, send_scenario,
    tell_run, whole_number,
};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::show::plain;

/// Swap the code of a run: new users take the new version at once, the others at their next iteration
///
/// Nothing moves unless the run's settings fit the new version. No iteration fails because of a swap: a user leaves on the old
/// code and joins on the new one between two iterations. With --share only that part of the users moves; the same swap again
/// with another share moves more, --rollback moves all back.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Swap {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// The new version: a .wasm file, which is uploaded under the name of the scenario that runs, or the name of a scenario
    /// that the host has.
    #[arg(value_name = "SCENARIO", required_unless_present = "rollback")]
    scenario: Option<String>,
    /// Which version of the stored scenario: at least eight characters of its digest. The current one unless given.
    #[arg(long, value_name = "DIGEST", env = "LT_DIGEST")]
    digest: Option<String>,
    /// How many of the users take it: 10%, or 0.1. All unless given.
    #[arg(long, value_name = "SHARE", env = "LT_SHARE")]
    share: Option<String>,
    /// Leave running users on the code they have until they end: only new ones take the new version.
    #[arg(long, env = "LT_NO_DRAIN", value_parser = BoolishValueParser::new())]
    no_drain: bool,
    /// Go back by itself if the new version fails: more than so many of its iterations (5%), or so many of them (10).
    #[arg(long, value_name = "FAILURES", env = "LT_ROLLBACK_ON")]
    rollback_on: Option<String>,
    /// Iterations of the new version before a percentage of --rollback-on is looked at.
    #[arg(
        long,
        value_name = "N",
        env = "LT_ROLLBACK_AFTER",
        requires = "rollback_on"
    )]
    rollback_after: Option<String>,
    /// A new value of a setting, also of one that is not live. May be repeated.
    #[arg(
        long = "set",
        value_name = "NAME=VALUE",
        env = "LT_NEW_SETTING",
        value_delimiter = '\n'
    )]
    settings: Vec<String>,
    /// Which of the run's scenarios, if it has several.
    #[arg(long, value_name = "NAME", env = "LT_PART")]
    part: Option<String>,
    /// Back to the version before.
    #[arg(
        long,
        env = "LT_ROLLBACK",
        value_parser = BoolishValueParser::new(),
        conflicts_with_all = ["scenario", "digest", "share", "no_drain", "rollback_on", "settings"]
    )]
    rollback: bool,
    /// Wait until the users have moved. If they were moved back instead, the exit code is 110.
    #[arg(short, long, env = "LT_WAIT", value_parser = BoolishValueParser::new())]
    wait: bool,
    #[command(flatten)]
    served: Served,
}

const EXAMPLES: &str = "\
Examples:
  A new build, for everyone:
    lt-host swap latest shop.wasm --wait
  For a tenth of the users first, back by itself if one in twenty iterations fails; then for all:
    lt-host swap latest shop.wasm --share 10% --rollback-on 5%
    lt-host swap latest shop.wasm
  Back to the version before:
    lt-host swap latest --rollback";

impl Swap {
    /// Swap it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let mut body = self.body()?;
        let client = self.served.client(process)?;
        let id = find(&client, &self.run)?;
        let answer = if self.rollback {
            let body = body_with(json!({}), "part", self.part.as_deref());
            client.post(&["runs", &id, "swap", "rollback"], &body)?
        } else {
            self.name_scenario(&client, &id, &mut body, process)?;
            client.post(&["runs", &id, "swap"], &Value::from(body))?
        };
        if !self.wait {
            tell_run(&self.served, &answer, process)?;
            return Ok(Exit::Success);
        }
        let part = self.part.as_deref();
        let answer = await_run(&client, &id, |run| {
            run.is_over()
                || run
                    .parts
                    .iter()
                    .all(|it| !is_ours(it, part) || has_settled(it))
        })?;
        tell_run(&self.served, &answer, process)?;
        self.settled(&answer.read()?, process)
    }

    /// How a swap that was waited for came out.
    fn settled(&self, run: &Run, process: &mut Process) -> Result<Exit, CommandError> {
        let part = self.part.as_deref();
        let swaps = run.parts.iter().filter(|it| is_ours(it, part));
        let mut swaps = swaps.filter_map(|part| part.swap.as_ref());
        let back = swaps.find(|swap| swap.state == "rolled_back");
        if let Some(back) = back.filter(|_| !self.rollback) {
            let reason = back.reason.as_deref().unwrap_or("nobody said why");
            let text = format!("error: the swap was rolled back: {}", plain(reason));
            process.complain(&text);
            return Ok(Exit::Failed);
        }
        Ok(Exit::Success)
    }

    /// What does not need the host.
    fn body(&self) -> Result<Map<String, Value>, CommandError> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            body.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("part", self.part.clone().map(Value::String));
        put("digest", self.digest.clone().map(Value::String));
        let share = self.share.as_deref().map(share).transpose()?;
        put("share", share.map(Value::from));
        put("drain", self.no_drain.then_some(Value::Bool(false)));
        let settings = texts("--set", &self.settings)?;
        put(
            "settings",
            (!settings.is_empty()).then_some(settings.into()),
        );
        if let Some(failures) = &self.rollback_on {
            let failures = match failures.ends_with('%') {
                true => Value::from(failures.as_str()),
                false => whole_number("--rollback-on", failures)?.into(),
            };
            let mut rollback = Map::from_iter([("failures".to_owned(), failures)]);
            if let Some(after) = &self.rollback_after {
                let after = whole_number("--rollback-after", after)?;
                rollback.insert("after".to_owned(), after.into());
            }
            put("rollback", Some(rollback.into()));
        }
        Ok(body)
    }

    /// Say what the new version is; a file is sent first, under the name of what it replaces.
    fn name_scenario(
        &self,
        client: &Client,
        id: &str,
        body: &mut Map<String, Value>,
        process: &Process,
    ) -> Result<(), CommandError> {
        let Some(typed) = &self.scenario else {
            return Ok(());
        };
        if !is_file(Path::new(typed)) {
            body.insert("scenario".to_owned(), typed.as_str().into());
            return Ok(());
        }
        let run: Run = run_now(client, id)?.read()?;
        let Some(part) = run.part(self.part.as_deref()) else {
            let names: Vec<&str> = run.parts.iter().map(|part| part.name.as_str()).collect();
            let remedy = format!("name one of them: {}", plain(&names.join(", ")));
            let message = "does not say which of the run's scenarios is swapped";
            let value = self.part.clone().unwrap_or_default();
            return Err(CommandError::input("--part", value, message, remedy));
        };
        let sent = send_scenario(
            client,
            Path::new(typed),
            "SCENARIO",
            &part.scenario,
            process,
        )?;
        body.insert("scenario".to_owned(), sent.name.into());
        body.insert("digest".to_owned(), sent.digest.into());
        body.insert("part".to_owned(), part.name.as_str().into());
        Ok(())
    }
}

/// Whether it is the scenario that was named, or any.
fn is_ours(part: &Part, name: Option<&str>) -> bool {
    name.is_none_or(|name| part.name == name)
}

/// Whether nobody moves any more.
fn has_settled(part: &Part) -> bool {
    let swap = part.swap.as_ref();
    let is_moving = swap.is_some_and(|swap| swap.state == "rolling_out");
    // Until the share of a canary has moved, or everybody back, versions have users that they are not to have.
    let is_on_its_way = swap.is_some_and(|swap| swap.state == "rolled_back")
        && part
            .versions
            .iter()
            .any(|version| version.share == 0.0 && version.users > 0);
    !is_moving && !is_on_its_way
}

/// `10%` or `0.1`.
fn share(text: &str) -> Result<f64, CommandError> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|it| it / 100.0),
        None => text.trim().parse::<f64>(),
    };
    let share = number.ok().filter(|it| *it > 0.0 && *it <= 1.0);
    share.ok_or_else(|| {
        let remedy = "write a share such as 10%, up to 100%";
        CommandError::input("--share", text, "is no share of users", remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parts_of_one() {
        assert_eq!(share("10%").unwrap(), 0.1);
        assert_eq!(share("0.5").unwrap(), 0.5);
        assert_eq!(share("100%").unwrap(), 1.0);
        for bad in ["0", "0%", "101%", "2", "x", "-1%", "NaN"] {
            let error = share(bad).unwrap_err().to_string();
            assert!(error.contains("--share"), "{error}");
        }
    }

    fn part(swap: Value, users: u64) -> Part {
        serde_json::from_value(json!({
            "name": "chat",
            "swap": swap,
            "versions": [{ "label": "old", "share": 0.0, "users": users }, { "label": "new", "share": 1.0, "users": 5 }]
        }))
        .unwrap()
    }

    #[test]
    fn a_swap_settles_when_nobody_moves() {
        let state = |state: &str| json!({ "state": state });
        assert!(!has_settled(&part(state("rolling_out"), 3)));
        assert!(has_settled(&part(state("complete"), 0)));
        assert!(has_settled(&part(state("canary"), 3)));
        assert!(!has_settled(&part(state("rolled_back"), 3)));
        assert!(has_settled(&part(state("rolled_back"), 0)));
        assert!(has_settled(&part(Value::Null, 3)));
    }
}
