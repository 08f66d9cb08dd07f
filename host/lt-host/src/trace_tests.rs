//! Tests of the trace: the form of a line.

use super::*;
use crate::process::testing::Shared;

/// What is written of these calls.
fn traced(secrets: &[&str], seen: &[Seen<'_>]) -> Vec<String> {
    let written = Shared::default();
    let to = written.clone();
    let tracer = tracer(Secrets::new(secrets.iter().copied()), move |line: &str| {
        std::io::Write::write_all(&mut to.clone(), format!("{line}\n").as_bytes()).unwrap();
    });
    for seen in seen {
        tracer(match seen {
            Seen::Entered(call) => Seen::Entered(call),
            Seen::Left(call, outcome) => Seen::Left(call, outcome),
            Seen::Called(call, outcome) => Seen::Called(call, outcome),
        });
    }
    written.text().lines().map(str::to_owned).collect()
}

fn call(name: &'static str, arguments: &[(&'static str, &str)]) -> Call {
    Call {
        user: Arc::from(""),
        name,
        arguments: arguments
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        began: Instant::now(),
    }
}

#[test]
fn where_there_are_several_scenarios_a_line_says_whose_it_is() {
    let of = |user: &str| Call {
        user: Arc::from(user),
        ..call("iterate", &[])
    };
    let (named, only) = (of("chat\u{1b} 57"), of(""));
    let lines = traced(
        &[],
        &[
            Seen::Entered(&named),
            Seen::Left(&named, &Outcome::CutOff),
            Seen::Called(&named, &Outcome::CutOff),
            Seen::Entered(&only),
        ],
    );
    for line in &lines[..3] {
        assert!(line.contains(" [chat  57] "), "{lines:?}");
    }
    assert!(!lines[3].contains('['), "{lines:?}");
}

#[test]
fn a_call_is_a_line_with_arguments_time_and_result() {
    let send = call(
        "http.send",
        &[("method", "Get"), ("to_url", r#""http://x/?key=geheim""#)],
    );
    let finish = call(
        "http.pending.finish",
        &[("pending", "Resource { rep: 3, state: Borrow }")],
    );
    let lines = traced(
        &["geheim"],
        &[
            Seen::Called(&send, &Outcome::Returned("Ok(200)".to_owned())),
            Seen::Called(&finish, &Outcome::CutOff),
            Seen::Called(&finish, &Outcome::Trapped("no geheim".to_owned())),
        ],
    );
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with('+')), "{lines:?}");
    assert!(
        lines[0].contains(r#" http.send(method: Get, to-url: "http://x/?key=***")  "#),
        "{lines:?}"
    );
    assert!(lines[0].ends_with("  -> Ok(200)"), "{lines:?}");
    assert!(lines[1].contains(" http.pending.finish(#3)  "), "{lines:?}");
    assert!(lines[1].ends_with("  -> cut off"), "{lines:?}");
    assert!(lines[2].ends_with("  -> trap: no ***"), "{lines:?}");
}

#[test]
fn a_function_of_the_scenario_has_a_line_at_both_ends() {
    let join = call("join", &[("state", "[104, 105]")]);
    let lines = traced(
        &[],
        &[
            Seen::Entered(&join),
            Seen::Left(&join, &Outcome::Returned("()".to_owned())),
        ],
    );
    assert!(
        lines[0].ends_with(r#" --- join(state: b"hi")"#),
        "{lines:?}"
    );
    assert!(lines[1].contains(" --- join  "), "{lines:?}");
    assert!(lines[1].ends_with("  -> done"), "{lines:?}");
}

#[test]
fn values_read_as_people_write_them() {
    assert_eq!(readable("Some([104, 105])"), "Some(b\"hi\")");
    assert_eq!(readable("[]"), "[]");
    assert_eq!(readable("[255, 1]"), "[255, 1]");
    assert_eq!(readable("[0, 2]"), "[0, 2]");
    assert_eq!(readable("[104, 10]"), r#"b"h\n""#);
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
    let run = Run::new(Secrets::new(["a\"b", "a\"bc", ""].into_iter()));
    assert_eq!(
        run.shown(&format!("{:?}", "x a\"bc y a\"b")),
        "\"x *** y ***\""
    );
    assert_eq!(run.shown(&format!("{:?}", b"a\"b")), "b\"***\"");
    let long = run.shown(&"é".repeat(TEXT_CHARS_MAX + 1));
    assert!(long.ends_with("é… (301 characters)"), "{long}");
    assert_eq!(cut("short"), "short");
}
