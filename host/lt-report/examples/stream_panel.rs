//! The stream panel on this terminal, with streams that are made up: to look at. `cargo run -p lt-report --example stream_panel -- 10000`

use std::io;
use std::time::{Duration, Instant};

use lt_metrics::{Direction, StreamRow, StreamState};
use lt_report::{Progress, ProgressDisplay, StreamsView};

/// Players unless said otherwise.
const PLAYERS: u64 = 200;
/// Seconds it takes.
const SECONDS: u64 = 20;

#[expect(
    clippy::disallowed_methods,
    reason = "an example has no caller that could give it its arguments"
)]
fn main() -> io::Result<()> {
    let players = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let players = players.unwrap_or(PLAYERS);
    let size = || -> Option<(u16, u16)> { None };
    let mut display = ProgressDisplay::terminal(size);
    let began = Instant::now();
    let mut took = Duration::ZERO;
    for second in 0..SECONDS {
        let rows: Vec<StreamRow> = (0..=players).map(|user| row(user, second)).collect();
        let before = Instant::now();
        let streams = StreamsView::of(rows.iter());
        took = took.max(before.elapsed());
        display.update(&Progress {
            elapsed: began.elapsed(),
            total: Some(Duration::from_secs(SECONDS)),
            users: players + 1,
            users_max: players + 1,
            streams,
            ..Progress::default()
        })?;
        std::thread::sleep(Duration::from_secs(1));
    }
    display.finish(&Progress::default())?;
    println!("a view of {players} players took {took:?} at most");
    Ok(())
}

/// Players come in over five seconds; some lag more and more, one stalls, one fails.
fn row(user: u64, second: u64) -> StreamRow {
    let has_begun = user % 5 < second;
    let state = match user {
        _ if !has_begun => StreamState::Starting,
        7 if second > 8 => StreamState::Failed,
        11 if second > 6 => StreamState::Stalled,
        _ => StreamState::Flowing,
    };
    let lagged = state == StreamState::Flowing && user % 37 == 3 && second > 5;
    let kbps = match state {
        StreamState::Flowing if lagged => 310.0,
        StreamState::Flowing => 498.0 + (user * 7 + second) as f64 % 5.0,
        _ => 0.0,
    };
    let lag = match state {
        StreamState::Stalled => (second - 6) * 1000,
        _ if lagged => 3_000 + second * 100 + user,
        _ => user % 40,
    };
    StreamRow {
        user,
        number: 0,
        name: "127.0.0.1/live".into(),
        direction: if user == 0 {
            Direction::Publish
        } else {
            Direction::Play
        },
        state,
        lagged: lag > 3_000,
        bytes: second * 62_500,
        media: Duration::from_secs(second),
        elapsed: Duration::from_secs(second),
        lag: Duration::from_millis(lag),
        kbps,
    }
}
