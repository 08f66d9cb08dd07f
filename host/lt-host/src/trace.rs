//! `--once`: every call of the user to the host, on standard error, one line a call. The calls come as the spans and events
//! that `lt-runtime`'s generated bindings emit: a span `wit-bindgen import` with `module` and `function`, in it an event `call`
//! with the arguments and an event `return` with the result.

use std::fmt::{Debug, Write};
use std::sync::OnceLock;
use std::time::Duration;

use lt_report::humanize_duration;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::show::{HIDDEN, plain};

/// Where the contract's bindings emit.
pub(crate) const BINDINGS: &str = "lt_runtime::bindings";
/// And those of what scenarios may use of WASI, such as waiting for several things.
const TARGETS: [&str; 3] = [BINDINGS, "wasmtime_wasi", "wasmtime_wasi_io"];
/// Name of the bindings' spans.
const SPAN: &str = "wit-bindgen import";
/// Characters of arguments, and of a result, that are shown: a screen's few lines.
const TEXT_CHARS_MAX: usize = 300;
/// Bytes that are shown as numbers if they are no text.
const BYTES_SHOWN_MAX: usize = 8;

/// The run being traced; calls before it (`describe`) are not shown.
static RUN: OnceLock<Run> = OnceLock::new();

/// What lines need to know of the run.
#[derive(Debug)]
struct Run {
    began: Instant,
    /// Values that are not shown, in each form they may have in a line.
    secrets: Vec<String>,
}

/// Show calls from now on, without these values.
pub(crate) fn begin<'a>(secrets: impl Iterator<Item = &'a str>) {
    // One process traces one run.
    let _begun = RUN.set(Run::new(secrets));
}

/// What the process's subscriber needs for it. `write` takes whole lines.
pub(crate) fn layer<S>(write: fn(&str)) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = TARGETS.iter().fold(Targets::new(), |filter, target| {
        filter.with_target(*target, LevelFilter::TRACE)
    });
    let trace = CallTrace { run: &RUN, write };
    trace.with_filter(filter)
}

impl Run {
    fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = secrets
            .filter(|secret| !secret.is_empty())
            .flat_map(|secret| [secret.to_owned(), inside(&format!("{secret:?}")).to_owned()])
            .collect();
        // A secret that is part of another must not leave the rest of it.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self {
            began: Instant::now(),
            secrets: forms,
        }
    }

    /// A printed value as it is shown.
    fn shown(&self, text: &str) -> String {
        let mut text = readable(text);
        for secret in &self.secrets {
            text = text.replace(secret, HIDDEN);
        }
        cut(&plain(&text))
    }
}

/// See the module.
struct CallTrace<W> {
    run: &'static OnceLock<Run>,
    write: W,
}

/// A call under way, kept with its span.
struct Call {
    name: String,
    arguments: String,
    began: Instant,
    returned: bool,
}

impl<S, W> Layer<S> for CallTrace<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != SPAN || self.run.get().is_none() {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Call {
                name: name(&fields),
                arguments: String::new(),
                began: Instant::now(),
                returned: false,
            });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (Some(run), Some(span)) = (self.run.get(), context.event_span(event)) else {
            return;
        };
        let mut extensions = span.extensions_mut();
        let Some(call) = extensions.get_mut::<Call>() else {
            return;
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        match fields.message.as_str() {
            "call" => {
                call.arguments = arguments(run, &fields);
                call.began = Instant::now();
            }
            "return" => {
                call.returned = true;
                let result = fields.value("result");
                // The outermost result says whether the host itself failed, which ends the user.
                let result = unwrapped(result).unwrap_or(result);
                let result = match result {
                    "()" => "done".to_owned(),
                    result => run.shown(result),
                };
                (self.write)(&call.line(run, &result));
            }
            _ => {}
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let (Some(run), Some(span)) = (self.run.get(), context.span(&id)) else {
            return;
        };
        if let Some(call) = span.extensions().get::<Call>()
            && !call.returned
        {
            (self.write)(&call.line(run, "cut off"));
        }
    }
}

impl Call {
    /// `+12.3ms  http.send(method: Get)  3.21ms  -> Ok(..)`.
    fn line(&self, run: &Run, result: &str) -> String {
        let since = |time: Duration| humanize_duration(time.as_secs_f64() * 1000.0);
        format!(
            "+{:<9} {}({})  {}  -> {result}",
            since(self.began.duration_since(run.began)),
            self.name,
            self.arguments,
            since(self.began.elapsed()),
        )
    }
}

/// What is recorded of a span or an event.
#[derive(Default)]
struct Fields {
    message: String,
    values: Vec<(&'static str, String)>,
}

impl Fields {
    fn value(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.values.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.values.push((field.name(), text));
        }
    }
}

/// `http.response.status` of the module `http` and the function `[method]response.status`.
fn name(fields: &Fields) -> String {
    let function = fields.value("function");
    let function = function.rsplit_once(']').map_or(function, |(_, name)| name);
    format!("{}.{function}", fields.value("module"))
}

fn arguments(run: &Run, fields: &Fields) -> String {
    let mut text = String::new();
    for (name, value) in &fields.values {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a text cannot fail. The handle that a method is called on needs no name.
        let _infallible = match *name {
            "self_" => write!(text, "{comma}{}", run.shown(value)),
            name => write!(
                text,
                "{comma}{}: {}",
                name.trim_end_matches('_'),
                run.shown(value)
            ),
        };
    }
    text
}

/// What stands in `Ok(…)`.
fn unwrapped(result: &str) -> Option<&str> {
    result.strip_prefix("Ok(")?.strip_suffix(')')
}

/// A printed text without its quotes.
fn inside(quoted: &str) -> &str {
    let text = quoted.strip_prefix('"').unwrap_or(quoted);
    text.strip_suffix('"').unwrap_or(text)
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
    let mut escaped = false;
    for (at, char) in from.strip_prefix('"')?.char_indices() {
        if char == '"' && !escaped {
            let length = at + 2;
            return Some((from.get(..length)?.to_owned(), length));
        }
        escaped = char == '\\' && !escaped;
    }
    None
}

/// `[104, 105]` as `b"hi"`, and its length.
fn bytes(from: &str) -> Option<(String, usize)> {
    let end = from.strip_prefix('[')?.find(']')? + 1;
    let inner = from.get(1..end)?;
    let bytes: Vec<u8> = inner
        .split(", ")
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let shown = match String::from_utf8(bytes) {
        Ok(text) => format!("b{text:?}"),
        Err(error) if error.as_bytes().len() > BYTES_SHOWN_MAX => {
            format!("[{} bytes]", error.as_bytes().len())
        }
        Err(_) => format!("[{inner}]"),
    };
    Some((shown, end + 1))
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
