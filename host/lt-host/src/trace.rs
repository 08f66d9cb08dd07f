//! `--once`: every call between the user and the host, on standard error, one line a call.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use lt_report::humanize_duration;
use lt_runtime::Tracer;
use lt_runtime::trace::{Call, Outcome, Seen};
use tokio::time::Instant;

use crate::secrets::{Secrets, quoted_length};
use crate::show::plain;

/// Characters of arguments, and of a result, that are shown: a screen's few lines.
const TEXT_CHARS_MAX: usize = 300;
/// Bytes that are shown as numbers if they are no text.
const BYTES_SHOWN_MAX: usize = 8;

/// What writes a line for each call from now on, without these values. `write` takes whole lines.
pub(crate) fn tracer(secrets: Secrets, write: impl Fn(&str) + Send + Sync + 'static) -> Tracer {
    let run = Run::new(secrets);
    Arc::new(move |seen| write(&run.line(&seen)))
}

/// What lines need to know of the run.
#[derive(Debug)]
struct Run {
    began: Instant,
    secrets: Secrets,
}

impl Run {
    fn new(secrets: Secrets) -> Self {
        Self {
            began: Instant::now(),
            secrets,
        }
    }

    /// A call of the host's: `+12.3ms   http.send(method: Get)  3.21ms  -> Ok(..)`; one of the scenario's has a line where
    /// it begins and one where it ends: `+12ms     --- iterate(..)`, `+90ms     --- iterate  78ms  -> Ok(())`. Where there
    /// are several scenarios, whose call it is stands behind the time: `+12ms     [chat 57] --- iterate(..)`.
    fn line(&self, seen: &Seen<'_>) -> String {
        match seen {
            Seen::Entered(call) => {
                let arguments = self.arguments(call);
                format!(
                    "{} --- {}({arguments})",
                    self.at(call, call.began),
                    call.name
                )
            }
            Seen::Left(call, outcome) => format!(
                "{} --- {}  {}",
                self.at(call, Instant::now()),
                call.name,
                self.end(call, outcome)
            ),
            Seen::Called(call, outcome) => {
                let arguments = self.arguments(call);
                format!(
                    "{} {}({arguments})  {}",
                    self.at(call, call.began),
                    call.name,
                    self.end(call, outcome)
                )
            }
        }
    }

    /// When, and by whom, where that is not plain.
    fn at(&self, call: &Call, time: Instant) -> String {
        let at = format!("+{:<9}", human(time.duration_since(self.began)));
        match &*call.user {
            "" => at,
            user => format!("{at} [{}]", plain(user)),
        }
    }

    /// How long a call took and what came of it.
    fn end(&self, call: &Call, outcome: &Outcome) -> String {
        let took = human(call.began.elapsed());
        let result = match outcome {
            Outcome::Returned(value) if value == "()" => "done".to_owned(),
            Outcome::Returned(value) => self.shown(value),
            Outcome::Trapped(reason) => format!("trap: {}", self.hidden(reason)),
            Outcome::CutOff => "cut off".to_owned(),
        };
        format!("{took}  -> {result}")
    }

    fn arguments(&self, call: &Call) -> String {
        let mut text = String::new();
        for (name, value) in &call.arguments {
            let comma = if text.is_empty() { "" } else { ", " };
            let value = self.shown(value);
            // Writing to a text cannot fail. The handle that a method is called on needs no name.
            let _infallible = if value.starts_with('#') {
                write!(text, "{comma}{value}")
            } else {
                write!(text, "{comma}{}: {value}", name.replace('_', "-"))
            };
        }
        text
    }

    /// A printed value as it is shown.
    fn shown(&self, text: &str) -> String {
        self.hidden(&readable(text))
    }

    /// A text without what nobody may see, and not longer than a reader wants.
    fn hidden(&self, text: &str) -> String {
        cut(&plain(&self.secrets.hide(text)))
    }
}

fn human(time: Duration) -> String {
    humanize_duration(time.as_secs_f64() * 1000.0)
}

/// The first characters of a text, with how many there are.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => {
            let begin = text.get(..end).unwrap_or(text);
            format!("{begin}… ({} characters)", text.chars().count())
        }
    }
}

/// A printed value in which bytes are texts, and handles numbers; without the names of types and without what is not there.
fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4096));
    // What stands between two texts, which stay as they are.
    let mut between = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', 'R', '"']) {
        let (before, from) = rest.split_at(at);
        between.push_str(before);
        let length = if let Some((text, length)) = quoted(from).or_else(|| bytes(from)) {
            out.push_str(&brief(&std::mem::take(&mut between)));
            out.push_str(&text);
            length
        } else {
            let (shown, length) =
                handle(from).unwrap_or_else(|| (from.chars().take(1).collect(), 1));
            between.push_str(&shown);
            length
        };
        rest = from.get(length..).unwrap_or_default();
    }
    between.push_str(rest);
    out.push_str(&brief(&between));
    out
}

/// Without `Type::` before cases, and without fields that are `None`.
fn brief(text: &str) -> String {
    let is_name = |char: char| char.is_ascii_alphanumeric() || "_-".contains(char);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("::") {
        out.push_str(before.trim_end_matches(is_name));
        rest = after;
    }
    out.push_str(rest);
    while let Some(at) = out.find(": None") {
        let name = out
            .get(..at)
            .unwrap_or_default()
            .trim_end_matches(is_name)
            .len();
        let mut end = at + ": None".len();
        let mut begin = name;
        if out.get(end..).is_some_and(|after| after.starts_with(", ")) {
            end += ", ".len();
        } else if out
            .get(..begin)
            .is_some_and(|before| before.ends_with(", "))
        {
            begin -= ", ".len();
        }
        out.replace_range(begin..end, "");
    }
    out
}

/// A printed text, as it is, and its length: what looks like bytes in it is none.
fn quoted(from: &str) -> Option<(String, usize)> {
    let length = quoted_length(from)?;
    Some((from.get(..length)?.to_owned(), length))
}

/// `[104, 105]` as `b"hi"`, and its length. Other bytes stay numbers, unless there are many.
fn bytes(from: &str) -> Option<(String, usize)> {
    let end = from.strip_prefix('[')?.find(']')? + 1;
    let inner = from.get(1..end)?;
    let bytes: Vec<u8> = inner
        .split(", ")
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let shown = match std::str::from_utf8(&bytes) {
        Ok(text) if text.chars().all(is_written) => format!("b{text:?}"),
        _ if bytes.len() > BYTES_SHOWN_MAX => format!("[{} bytes]", bytes.len()),
        _ => format!("[{inner}]"),
    };
    Some((shown, end + 1))
}

/// Whether a character stands in texts: a list of small numbers is none.
fn is_written(char: char) -> bool {
    !char.is_control() || "\t\n\r".contains(char)
}

/// `Resource { rep: 3, .. }` as `#3`, and its length.
fn handle(from: &str) -> Option<(String, usize)> {
    let fields = from.strip_prefix("Resource")?.trim_start();
    let end = from.find('}')?;
    let (_, rep) = fields.split_once("rep: ")?;
    let rep: String = rep.chars().take_while(char::is_ascii_digit).collect();
    (!rep.is_empty()).then(|| (format!("#{rep}"), end + 1))
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
