//! Tests of the trace: spans and events as the generated bindings emit them, and the form of a line.

use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::process::testing::Shared;

fn run(secrets: &[&str]) -> &'static OnceLock<Run> {
    let run = OnceLock::new();
    run.set(Run::new(secrets.iter().copied())).unwrap();
    Box::leak(Box::new(run))
}

/// What is written while `emit` runs.
fn traced(run: &'static OnceLock<Run>, emit: impl FnOnce()) -> String {
    let written = Shared::default();
    let to = written.clone();
    let trace = CallTrace {
        run,
        write: move |line: &str| {
            std::io::Write::write_all(&mut to.clone(), format!("{line}\n").as_bytes()).unwrap();
        },
    };
    let subscriber = tracing_subscriber::registry().with(trace);
    tracing::subscriber::with_default(subscriber, emit);
    written.text()
}

fn call(function: &'static str, result: Option<&dyn Debug>) {
    let span = tracing::span!(
        tracing::Level::TRACE,
        "wit-bindgen import",
        module = "http",
        function = function
    );
    let _inside = span.enter();
    let (method, url) = ("Get", "http://x/?key=geheim");
    tracing::event!(
        tracing::Level::TRACE,
        method = tracing::field::debug(&method),
        url = tracing::field::debug(&url),
        "call"
    );
    if let Some(result) = result {
        tracing::event!(
            tracing::Level::TRACE,
            result = tracing::field::debug(result),
            "return"
        );
    }
}

#[test]
fn a_call_is_a_line_with_arguments_time_and_result() {
    let result: Result<Result<u16, String>, ()> = Ok(Ok(200));
    let text = traced(run(&["geheim"]), || {
        call("send", Some(&result));
        call("[method]pending.finish", None);
        tracing::info!("something else");
    });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with('+'), "{text}");
    assert!(
        lines[0].contains(r#"http.send(method: "Get", url: "http://x/?key=***")  "#),
        "{text}"
    );
    assert!(lines[0].ends_with("  -> Ok(200)"), "{text}");
    assert!(lines[1].contains("http.pending.finish("), "{text}");
    assert!(lines[1].ends_with("  -> cut off"), "{text}");
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn nothing_is_shown_before_the_run() {
    let none = Box::leak(Box::new(OnceLock::new()));
    assert_eq!(traced(none, || call("send", Some(&Ok::<(), ()>(())))), "");
}

#[test]
fn values_read_as_people_write_them() {
    assert_eq!(readable("Some([104, 105])"), "Some(b\"hi\")");
    assert_eq!(readable("[]"), "[]");
    assert_eq!(readable("[255, 1]"), "[255, 1]");
    assert_eq!(readable(&format!("{:?}", [255_u8; 9])), "[9 bytes]");
    assert_eq!(readable("[(200, 399)]"), "[(200, 399)]");
    assert_eq!(readable("[300]"), "[300]");
    assert_eq!(readable("Resource { rep: 3, state: Own }"), "#3");
    assert_eq!(
        readable("Request { at: \"[104]\" }"),
        "Request { at: \"[104]\" }"
    );
    assert_eq!(readable(r#"["a\"[1]", [104]]"#), r#"["a\"[1]", b"h"]"#);
    assert_eq!(readable("R \"open"), "R \"open");
    assert_eq!(
        readable(
            "Request { method: Method::Get, url: \"a: None, B::c\", timeout: None, body: Body::None, to: None }"
        ),
        "Request { method: Get, url: \"a: None, B::c\" }"
    );
    assert_eq!(
        readable("Options { a: None, b: Some(1) }"),
        "Options { b: Some(1) }"
    );
    assert_eq!(readable("Options { a: None }"), "Options {  }");
    assert_eq!(readable("None"), "None");
    assert_eq!(readable(": None: None"), "");
}

#[test]
fn secrets_are_hidden_in_every_form_and_before_the_cut() {
    let run = Run::new(["a\"b", "a\"bc", ""].into_iter());
    assert_eq!(
        run.shown(&format!("{:?}", "x a\"bc y a\"b")),
        "\"x *** y ***\""
    );
    assert_eq!(run.shown(&format!("{:?}", b"a\"b")), "b\"***\"");
    let long = run.shown(&"é".repeat(TEXT_CHARS_MAX + 1));
    assert!(long.ends_with("é… (301 characters)"), "{long}");
    assert_eq!(cut("short"), "short");
}
