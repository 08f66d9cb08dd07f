//! What all commands that change a run have in common.

use std::time::Duration;

use serde_json::Value;

use super::Served;
use super::call::{Answer, Client};
use super::pages::{fits, json_page, run_page};
use super::runs::{Run, find, run_now};
use crate::error::CommandError;
use crate::process::Process;

/// Find the run that was typed, and have something done with it: its id, and the host's answer.
///
/// # Errors
/// If there is no such run, and what the host says.
pub(crate) fn post(
    client: &Client,
    typed: &str,
    what: &[&str],
    body: &Value,
) -> Result<(String, Answer), CommandError> {
    let id = find(client, typed)?;
    let mut path = vec!["runs", id.as_str()];
    path.extend(what);
    let answer = client.post(&path, body)?;
    Ok((id, answer))
}

/// How often a run that is waited for is looked at: often enough for a person.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Look at a run until it is as it should be: the host's last answer.
///
/// # Errors
/// What the host says.
pub(crate) fn await_run(
    client: &Client,
    id: &str,
    is_done: impl Fn(&Run) -> bool,
) -> Result<Answer, CommandError> {
    loop {
        let answer = run_now(client, id)?;
        if is_done(&answer.read()?) {
            return Ok(answer);
        }
        client.pause(LOOK_INTERVAL);
    }
}

/// A document with a text in it, if there is one.
pub(crate) fn body_with(mut body: Value, name: &str, text: Option<&str>) -> Value {
    if let (Some(body), Some(text)) = (body.as_object_mut(), text) {
        body.insert(name.to_owned(), text.into());
    }
    body
}

/// A whole number that was typed.
///
/// # Errors
/// If it is none.
pub(crate) fn whole_number(field: &str, text: &str) -> Result<u64, CommandError> {
    lt_spec::parse::whole(text)
        .map_err(|fault| CommandError::input(field, text, fault.message, fault.remedy))
}

/// Tell what has become of a run: the host's document, or a page.
///
/// # Errors
/// If the output cannot be written.
pub(crate) fn tell_run(
    served: &Served,
    answer: &Answer,
    process: &mut Process,
) -> Result<(), CommandError> {
    let text = if served.json {
        json_page(&answer.body)?
    } else {
        let run: Run = answer.read()?;
        run_page(&run, fits(process))
    };
    process.print(&text)?;
    Ok(())
}
