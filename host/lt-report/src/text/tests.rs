use lt_metrics::RunState;

use super::testing::{a_broadcast, a_chat, a_run, some_talk};
use super::*;

/// The columns that hold no approximated value: snapshots then do not depend on how buckets are cut.
fn exact_columns() -> TextOptions {
    TextOptions {
        trend_stats: vec![
            TrendStat::Avg,
            TrendStat::Min,
            TrendStat::Max,
            TrendStat::Count,
        ],
        ..TextOptions::default()
    }
}

#[test]
fn the_compact_summary_reads_as_in_k6() {
    assert_eq!(
        text_summary(&a_run(), &exact_columns()),
        include_str!("../../snapshots/summary-compact.txt")
    );
}

#[test]
fn the_full_summary_shows_every_metric_and_the_groups() {
    let options = TextOptions {
        detail: Detail::Full,
        ..exact_columns()
    };
    assert_eq!(
        text_summary(&a_run(), &options),
        include_str!("../../snapshots/summary-full.txt")
    );
}

#[test]
fn sockets_have_a_section_after_the_network_as_in_k6() {
    assert_eq!(
        text_summary(&a_chat(), &exact_columns()),
        include_str!("../../snapshots/summary-websocket.txt")
    );
    assert!(!text_summary(&a_run(), &TextOptions::default()).contains("WEBSOCKET"));
}

#[test]
fn sessions_have_a_section_with_their_steps_and_kinds() {
    assert_eq!(
        text_summary(&some_talk(), &exact_columns()),
        include_str!("../../snapshots/summary-xmpp.txt")
    );
    assert!(!text_summary(&a_chat(), &TextOptions::default()).contains("XMPP"));
}

#[test]
fn streams_have_a_section_with_their_states_and_kinds() {
    assert_eq!(
        text_summary(&a_broadcast(), &exact_columns()),
        include_str!("../../snapshots/summary-rtmp.txt")
    );
    assert!(!text_summary(&a_chat(), &TextOptions::default()).contains("RTMP"));
}

#[test]
fn conclusions_are_lines_of_their_own_and_stand_in_the_file() {
    let mut summary = a_broadcast();
    summary.conclusions.push("\u{1b}c\tgone".to_owned());
    let want = "{\"sessions\":3,\"established\":2}\n\u{fffd}c\u{fffd}gone\n";
    assert_eq!(conclusions(&summary), want);
    assert_eq!(conclusions(&a_chat()), "");
    let text = serde_json::to_string(&summary).unwrap();
    assert!(
        text.contains(r#""conclusions":["{\"sessions\":3"#),
        "{text}"
    );
    let read: Summary = serde_json::from_str(&text).unwrap();
    assert_eq!(read.conclusions, summary.conclusions);
    assert!(
        !serde_json::to_string(&a_chat())
            .unwrap()
            .contains("conclusions")
    );
}

#[test]
fn the_default_columns_are_k6s_and_p99() {
    let text = text_summary(&a_run(), &TextOptions::default());
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("http_req_duration..."))
        .unwrap();
    let names: Vec<&str> = line
        .split_whitespace()
        .filter_map(|part| part.split_once('='))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"]
    );
    assert!(
        line.starts_with("    http_req_duration..................: avg=136.68ms"),
        "{line}"
    );
}

#[test]
fn colours_change_nothing_but_colours() {
    let painted = text_summary(
        &a_run(),
        &TextOptions {
            colors: true,
            ..exact_columns()
        },
    );
    assert!(
        painted.contains("\u{1b}[32m✓\u{1b}[0m 'p(95)<1500'"),
        "{painted}"
    );
    let mut plain = String::new();
    let mut rest = painted.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    let trimmed: String = plain
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    assert_eq!(trimmed, text_summary(&a_run(), &exact_columns()));
}

#[test]
fn a_run_without_anything_is_still_a_summary() {
    let summary = Summary {
        state: RunState::default(),
        ..Summary::default()
    };
    assert_eq!(
        text_summary(&summary, &TextOptions::default()),
        "\n  █ TOTAL RESULTS\n"
    );
}

#[test]
fn long_names_move_the_column_for_all() {
    let mut summary = a_run();
    summary.metrics[0].name = "a_custom_metric_with_a_name_that_is_longer".into();
    let text = text_summary(&summary, &exact_columns());
    let results = text
        .split("TOTAL RESULTS")
        .nth(1)
        .unwrap()
        .split("CUSTOM")
        .nth(1)
        .unwrap()
        .split("USER")
        .next()
        .unwrap();
    let columns: Vec<usize> = results
        .lines()
        .filter_map(|line| line.find(".: "))
        .collect();
    assert!(
        columns.len() > 8 && columns.iter().all(|column| *column == columns[0]),
        "{results}"
    );
}

#[test]
fn columns_are_read_by_name() {
    assert_eq!("p(95)".parse(), Ok(TrendStat::P95));
    let error = "p(12)".parse::<TrendStat>().unwrap_err();
    assert_eq!(
        error,
        "\"p(12)\" is not a column of trends; use avg, min, med, max, p(90), p(95), p(99), count"
    );
}

#[test]
fn a_scenario_cannot_steer_the_terminal() {
    let mut summary = a_run();
    summary.checks[0].name = "\u{1b}[2Jgone".into();
    summary.failures[0].messages[0].text = "one\u{7}\ntwo\u{1b}c".into();
    summary.groups[0].path = "::\u{9b}31m".into();
    let text = text_summary(
        &summary,
        &TextOptions {
            detail: Detail::Full,
            ..exact_columns()
        },
    );
    assert!(
        text.chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{text:?}"
    );
    assert!(text.contains("✓ \u{fffd}[2Jgone"));
}
