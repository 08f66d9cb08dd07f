//! How the streams of a run stand, for people: a panel below the bar of a terminal, a few fields of a line elsewhere.

use std::cmp::Ordering;
use std::time::Duration;

use lt_metrics::{Direction, StreamCounts, StreamRow, StreamState};

use crate::humanize::humanize_duration;
use crate::text::printable;

/// Streams that a panel names: more than a person follows is a list, and lists are in files.
const WORST_MAX: usize = 5;
/// Steps of the bar of lagged streams.
const LAGGED_STEPS: u64 = 40;
/// Characters of a name that a panel shows.
const NAME_CHARS: usize = 32;
/// Columns and lines of a terminal that does not tell.
pub(crate) const SIZE_UNKNOWN: (u16, u16) = (80, 24);
/// Lines of the terminal that are not the panel's: the bar, and one that stays free so that nothing scrolls.
const OTHER_LINES: usize = 2;

/// See the module. Made once a second from all rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsView {
    /// How many stand where.
    pub counts: StreamCounts,
    /// What players receive.
    pub received: Flow,
    /// What publishers send.
    pub sent: Flow,
    /// Those that stand worst, the worst first.
    pub worst: Vec<WorstStream>,
}

/// Media that streams carry in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Streams that have had media and have not failed.
    pub streams: u64,
    /// What they carry together, in kbit/s.
    pub kbps: f64,
}

/// A stream by name.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstStream {
    /// Whose it is.
    pub user: String,
    /// Its name.
    pub name: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Where it stands.
    pub state: StreamState,
    /// Whether it is too far behind.
    pub lagged: bool,
    /// How far it is behind.
    pub lag: Duration,
    /// Media over the last second, in kbit/s.
    pub kbps: f64,
}

impl Flow {
    /// Kbit/s of one stream on average; zero without streams.
    #[must_use]
    pub fn average_kbps(self) -> f64 {
        if self.streams == 0 {
            0.0
        } else {
            self.kbps / self.streams as f64
        }
    }

    fn add(&mut self, kbps: f64) {
        self.streams += 1;
        self.kbps += kbps;
    }

    fn text(self) -> String {
        format!("{:.0} kbps, {:.0} a stream", self.kbps, self.average_kbps())
    }
}

impl StreamsView {
    /// The rows of all cores; `None` if there are none. Only the worst are put into order, so that ten thousand cost what looking at
    /// each costs.
    #[must_use]
    pub fn of<'a>(rows: impl Iterator<Item = &'a StreamRow>) -> Option<Self> {
        let mut rows: Vec<&StreamRow> = rows.collect();
        if rows.is_empty() {
            return None;
        }
        let mut view = Self::default();
        for row in &rows {
            view.add(row);
        }
        let worst = worst_first(&mut rows);
        view.worst = worst.iter().map(|row| WorstStream::from(*row)).collect();
        Some(view)
    }

    fn add(&mut self, row: &StreamRow) {
        self.counts.count(row);
        let flow = match row.direction {
            Direction::Play => &mut self.received,
            Direction::Publish => &mut self.sent,
        };
        if row.is_established() {
            flow.add(row.kbps);
        }
    }

    /// What is added to a line of progress. `kbps` is what all streams carry together, either way.
    pub(crate) fn fields(&self) -> String {
        let counts = &self.counts;
        format!(
            " streams={}/{} lagged={} stalled={} kbps={:.0}",
            counts.established(),
            counts.asked,
            counts.lagged,
            counts.stalled,
            self.received.kbps + self.sent.kbps,
        )
    }

    /// The lines of the panel, for a terminal of so many columns and lines.
    #[must_use]
    pub fn panel(&self, (columns, lines): (u16, u16)) -> Vec<String> {
        let counts = &self.counts;
        let lagged = (counts.lagged * LAGGED_STEPS).div_ceil(counts.asked.max(1));
        let bar: String = (0..LAGGED_STEPS)
            .map(|step| if step < lagged { '#' } else { '-' })
            .collect();
        let mut panel = vec![
            format!(
                "streams  {}/{} established, {} stalled, {} failed",
                counts.established(),
                counts.asked,
                counts.stalled,
                counts.failed
            ),
            format!("lagged   [{bar}] {}/{}", counts.lagged, counts.asked),
        ];
        for (name, flow) in [("in ", self.received), ("out", self.sent)] {
            if flow.streams > 0 {
                panel.push(format!("{name}      {}", flow.text()));
            }
        }
        let room = usize::from(lines).saturating_sub(OTHER_LINES);
        // A heading without a line below it says nothing.
        if room > panel.len() + 1 {
            panel.extend(self.worst_lines());
        }
        panel.truncate(room);
        let columns = usize::from(columns).saturating_sub(1);
        for line in &mut panel {
            *line = line.chars().take(columns).collect();
        }
        panel
    }

    /// A heading, and a line a stream.
    fn worst_lines(&self) -> Vec<String> {
        let name = |stream: &WorstStream| short(&stream.name);
        let user_width = widest(self.worst.iter().map(|stream| short(&stream.user)), "user");
        let name_width = widest(self.worst.iter().map(name), "stream");
        let line = |user: &str, name: &str, lag: &str, kbps: &str, state: &str| {
            format!(
                "{lead:9}{user:<user_width$}  {name:<name_width$}  {lag:>9}  {kbps:>7}  {state}",
                lead = if state == "state" { "worst" } else { "" }
            )
        };
        let heading = line("user", "stream", "lag", "kbps", "state");
        let streams = self.worst.iter().map(|stream| {
            line(
                &short(&stream.user),
                &name(stream),
                &humanize_duration(stream.lag.as_millis() as f64),
                &format!("{:.0}", stream.kbps),
                state_name(stream.state, stream.lagged),
            )
        });
        std::iter::once(heading).chain(streams).collect()
    }
}

impl From<&StreamRow> for WorstStream {
    fn from(row: &StreamRow) -> Self {
        Self {
            user: row.user.to_string(),
            name: row.name.as_ref().to_owned(),
            direction: row.direction,
            state: row.state,
            lagged: row.is_lagged(),
            lag: row.lag,
            kbps: row.kbps,
        }
    }
}

/// The worst of these, the worst first: the rest is not put into order.
fn worst_first<'a, 'row>(rows: &'a mut [&'row StreamRow]) -> &'a [&'row StreamRow] {
    if rows.len() > WORST_MAX {
        rows.select_nth_unstable_by(WORST_MAX, |a, b| compare(a, b));
    }
    let most = rows.len().min(WORST_MAX);
    let worst = rows.get_mut(..most).unwrap_or_default();
    worst.sort_by(|a, b| compare(a, b));
    worst
}

/// The worse first; ties by user, so that lines do not jump.
fn compare(a: &StreamRow, b: &StreamRow) -> Ordering {
    badness(b)
        .cmp(&badness(a))
        .then(b.lag.cmp(&a.lag))
        .then(a.kbps.total_cmp(&b.kbps))
        .then_with(|| (a.user, a.number).cmp(&(b.user, b.number)))
}

fn badness(row: &StreamRow) -> u8 {
    match row.state {
        StreamState::Flowing if row.lagged => 3,
        StreamState::Flowing => 0,
        StreamState::Starting => 1,
        StreamState::Ended => 2,
        StreamState::Stalled => 4,
        StreamState::Failed => 5,
    }
}

/// What a person reads of it. That a stalled stream lags as well, its lag tells.
fn state_name(state: StreamState, lagged: bool) -> &'static str {
    match state {
        StreamState::Starting => "starting",
        StreamState::Flowing if lagged => "lagged",
        StreamState::Flowing => "flowing",
        StreamState::Stalled => "stalled",
        StreamState::Ended => "ended",
        StreamState::Failed => "failed",
    }
}

/// A name that keeps to its column and does not steer the terminal.
fn short(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= NAME_CHARS {
        return name;
    }
    let kept = name.chars().take(NAME_CHARS - 1);
    kept.chain(std::iter::once('…')).collect()
}

fn widest(names: impl Iterator<Item = String>, heading: &str) -> usize {
    let widths = names.map(|name| name.chars().count());
    widths.max().unwrap_or(0).max(heading.len())
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Two hundred players of which some are in trouble, and their publisher.
    pub(crate) fn a_crowd() -> Vec<StreamRow> {
        let row = |user: u64, state: StreamState, lag_ms: u64, kbps: f64| StreamRow {
            user,
            number: 0,
            name: "live/one".into(),
            direction: Direction::Play,
            state,
            lagged: lag_ms > 3_000,
            bytes: 1000,
            media: Duration::from_secs(2),
            elapsed: Duration::from_millis(2_000 + lag_ms),
            lag: Duration::from_millis(lag_ms),
            kbps,
        };
        let mut rows: Vec<StreamRow> = (2..=195)
            .map(|user| row(user, StreamState::Flowing, user, 500.0))
            .collect();
        rows.push(row(196, StreamState::Flowing, 3_250, 250.0));
        rows.push(row(197, StreamState::Flowing, 9_000, 100.0));
        rows.push(row(198, StreamState::Stalled, 12_345, 0.0));
        rows.push(row(199, StreamState::Starting, 0, 0.0));
        rows.push(row(200, StreamState::Failed, 0, 0.0));
        rows.push(StreamRow {
            direction: Direction::Publish,
            ..row(1, StreamState::Flowing, 2, 512.0)
        });
        rows
    }

    #[test]
    fn the_worst_of_many_are_found() {
        let view = StreamsView::of(a_crowd().iter()).unwrap();
        let users: Vec<&str> = view.worst.iter().map(|one| one.user.as_str()).collect();
        assert_eq!(users, ["200", "198", "197", "196", "199"]);
        assert_eq!(view.received.streams, 197);
        assert!((view.received.kbps - 97_350.0).abs() < 1e-6);
        assert_eq!(
            view.fields(),
            " streams=198/200 lagged=3 stalled=1 kbps=97862"
        );
        assert_eq!(StreamsView::of(std::iter::empty()), None);
    }

    #[test]
    fn among_equals_the_order_is_that_of_users() {
        let rows: Vec<StreamRow> = (0..30)
            .rev()
            .map(|user| StreamRow {
                user,
                ..a_crowd()[0].clone()
            })
            .collect();
        let view = StreamsView::of(rows.iter()).unwrap();
        let users: Vec<&str> = view.worst.iter().map(|one| one.user.as_str()).collect();
        assert_eq!(users, ["0", "1", "2", "3", "4"]);
        let few = StreamsView::of(rows[..2].iter()).unwrap();
        assert_eq!(few.worst.len(), 2);
    }

    #[test]
    fn a_panel_is_what_it_was() {
        let view = StreamsView::of(a_crowd().iter()).unwrap();
        let panel = view.panel((80, 24)).join("\n") + "\n";
        assert_eq!(panel, include_str!("../snapshots/stream-panel.txt"));
    }

    #[test]
    fn a_panel_keeps_to_its_terminal() {
        let mut rows = a_crowd();
        for row in &mut rows {
            row.name = format!("\u{1b}[2J{}", "é".repeat(100)).into();
        }
        let view = StreamsView::of(rows.iter()).unwrap();
        for (columns, lines) in [(80, 24), (40, 8), (20, 6), (1, 3), (0, 0)] {
            let panel = view.panel((columns, lines));
            assert!(panel.len() <= usize::from(lines).saturating_sub(OTHER_LINES));
            for line in &panel {
                assert!(line.chars().count() <= usize::from(columns).saturating_sub(1));
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
        assert_eq!(view.panel((80, 7)).len(), 4, "no heading alone");
        assert_eq!(view.panel((80, 8)).len(), 6);
    }

    #[test]
    fn one_lagged_stream_of_many_is_seen() {
        let mut view = StreamsView::default();
        view.counts.asked = 10_000;
        let bar = |view: &StreamsView| view.panel((80, 24))[1].matches('#').count();
        assert_eq!(bar(&view), 0);
        view.counts.lagged = 1;
        assert_eq!(bar(&view), 1);
        view.counts.lagged = 10_000;
        assert_eq!(bar(&view), LAGGED_STEPS as usize);
    }
}
