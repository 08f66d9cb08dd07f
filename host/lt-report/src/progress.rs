//! How a run is going: a bar on a terminal, one line a second elsewhere, nothing if nobody wants it.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::humanize::{humanize_duration, humanize_number, humanize_rate};
use crate::replay::Replayed;
use crate::streams::{SIZE_UNKNOWN, StreamsView};

/// Steps of the bar. Finer than any terminal is wide.
const BAR_STEPS: u64 = 1000;
/// What stands on the line of the bar.
const TEMPLATE: &str = "{prefix} [{bar:25}] {msg}";
/// Columns of what stands before the message.
const BAR_COLUMNS: usize = "running [] ".len() + 25;
/// The same where nobody knows how far it is.
const TEMPLATE_WITHOUT_BAR: &str = "{prefix} {msg}";

/// Asks the terminal for its columns and lines; `None` if it does not tell.
pub type TerminalSize = fn() -> Option<(u16, u16)>;

/// The state of a run at one moment: what the caller knows, as plain values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Time since the run started.
    pub elapsed: Duration,
    /// How long it is to take, if it ends by time.
    pub total: Option<Duration>,
    /// Users that run now.
    pub users: u64,
    /// Users there are to be.
    pub users_max: u64,
    /// Iterations that ended.
    pub iterations: u64,
    /// Iterations there are to be, if the run ends by number.
    pub iterations_total: Option<u64>,
    /// Iterations that were cut off.
    pub interrupted: u64,
    /// Requests that ended in the last interval, per second.
    pub requests_per_second: f64,
    /// Iterations that ended in the last interval, per second.
    pub iterations_per_second: f64,
    /// 95th percentile of the request duration in the last interval; `None` without requests.
    pub p95: Option<Duration>,
    /// Share of requests that failed since the start, 0 to 1; `None` without requests.
    pub failed_rate: Option<f64>,
    /// Iterations and users that failed since the start.
    pub failures: u64,
    /// Whether the run is coming to its end.
    pub stopping: bool,
    /// Users for which the steady condition holds, and users that were asked for; `None` without the rule.
    pub steady: Option<(u64, u64)>,
    /// What the generator is short of right now, so that its numbers cannot be trusted; `None` if nothing.
    pub saturated: Option<&'static str>,
    /// How streams stand; `None` if there are none.
    pub streams: Option<StreamsView>,
}

impl Progress {
    /// How far the run is, 0 to 1, by time or by iterations, whichever is nearer to its end; `None` if it has no end.
    #[must_use]
    pub fn done(&self) -> Option<f64> {
        let by_time = self
            .total
            .filter(|total| !total.is_zero())
            .map(|total| self.elapsed.as_secs_f64() / total.as_secs_f64());
        let by_number = self
            .iterations_total
            .filter(|total| *total > 0)
            .map(|total| self.iterations as f64 / total as f64);
        match (by_time, by_number) {
            (None, None) => None,
            (time, number) => Some(
                time.unwrap_or(0.0)
                    .max(number.unwrap_or(0.0))
                    .clamp(0.0, 1.0),
            ),
        }
    }

    /// The line that is written where there is no terminal. Fields keep their names, order and form, so that it can be
    /// searched; new ones are added at its end.
    #[must_use]
    pub fn line(&self) -> String {
        let state = if self.stopping { "stopping" } else { "running" };
        let of = |total: Option<String>| total.map(|total| format!("/{total}")).unwrap_or_default();
        let mut line = format!(
            "{state} ({}{}) users={}/{} iterations={}{} interrupted={} rps={:.1} ips={:.1} p95={} failed={} failures={}",
            clock(self.elapsed),
            of(self.total.map(clock)),
            self.users,
            self.users_max,
            self.iterations,
            of(self.iterations_total.map(|total| total.to_string())),
            self.interrupted,
            self.requests_per_second,
            self.iterations_per_second,
            self.p95_text(),
            self.failed_rate.map_or("-".to_owned(), humanize_rate),
            self.failures,
        );
        if let Some((steady, asked)) = self.steady {
            line.push_str(&format!(" steady={steady}/{asked}"));
        }
        if let Some(streams) = &self.streams {
            line.push_str(&streams.fields());
        }
        if let Some(shortage) = self.saturated {
            line.push_str(&format!(" SATURATED: {shortage}"));
        }
        line
    }

    /// k6's line at the end of a run: `running (0m51.2s), 0/100 VUs, 7832 complete and 0 interrupted iterations`.
    #[must_use]
    pub fn last_line(&self) -> String {
        format!(
            "running ({}), {}/{} VUs, {} complete and {} interrupted iterations",
            clock(self.elapsed),
            self.users,
            self.users_max,
            self.iterations,
            self.interrupted,
        )
    }

    /// What stands beside the bar.
    fn message(&self) -> String {
        let time = self.total.map_or_else(
            || clock(self.elapsed),
            |total| format!("{}/{}", clock(self.elapsed), clock(total)),
        );
        let iterations = self
            .iterations_total
            .map_or_else(String::new, |total| format!("/{total}"));
        let mut parts = vec![
            time,
            format!("{}/{} users", self.users, self.users_max),
            format!("{}{iterations} iterations", self.iterations),
            format!(
                "{} req/s",
                humanize_number(self.requests_per_second.round())
            ),
            format!("p95 {}", self.p95_text()),
            format!(
                "{} failed",
                self.failed_rate.map_or("-".to_owned(), humanize_rate)
            ),
        ];
        if self.failures > 0 {
            parts.push(format!("{} user failures", self.failures));
        }
        if let Some((steady, asked)) = self.steady {
            parts.push(format!("steady {steady}/{asked}"));
        }
        if self.stopping {
            parts.push("stopping".to_owned());
        }
        if let Some(shortage) = self.saturated {
            parts.push(format!("SATURATED: {shortage}"));
        }
        parts.join("  ")
    }

    fn p95_text(&self) -> String {
        self.p95.map_or("-".to_owned(), |p95| {
            humanize_duration(p95.as_secs_f64() * 1000.0)
        })
    }
}

/// Where progress is shown. Ends with [`ProgressDisplay::finish`], before anything else is written to the terminal.
pub struct ProgressDisplay {
    way: Way,
}

enum Way {
    Bar(ProgressBar, TerminalSize),
    Lines(Box<dyn Write + Send>),
    Quiet,
}

impl ProgressDisplay {
    /// A bar on standard error, which the caller found to be a terminal; below it, what must keep to the terminal's size.
    #[must_use]
    pub fn terminal(size: TerminalSize) -> Self {
        Self::bar(ProgressDrawTarget::stderr(), TEMPLATE, "running", size)
    }

    /// The same for a run of which only its snapshots are known, and not when it ends.
    #[must_use]
    pub fn terminal_without_end(size: TerminalSize) -> Self {
        let target = ProgressDrawTarget::stderr();
        Self::bar(target, TEMPLATE_WITHOUT_BAR, "running", size)
    }

    /// The same for a recorded run, whose end is not known.
    #[must_use]
    pub fn terminal_of_replay(size: TerminalSize) -> Self {
        let target = ProgressDrawTarget::stderr();
        Self::bar(target, TEMPLATE_WITHOUT_BAR, "replay", size)
    }

    /// A line for each update; the caller updates once a second.
    #[must_use]
    pub fn lines(writer: impl Write + Send + 'static) -> Self {
        Self {
            way: Way::Lines(Box::new(writer)),
        }
    }

    /// Nothing.
    #[must_use]
    pub fn quiet() -> Self {
        Self { way: Way::Quiet }
    }

    fn bar(
        target: ProgressDrawTarget,
        template: &'static str,
        prefix: &'static str,
        size: TerminalSize,
    ) -> Self {
        let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), target);
        // The template is a constant that a test reads; without it the bar has indicatif's own look.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=>-"));
        }
        bar.set_prefix(prefix);
        Self {
            way: Way::Bar(bar, size),
        }
    }

    /// Show how the run is going.
    ///
    /// # Errors
    /// What the writer of lines says; a terminal that has gone is not an error.
    pub fn update(&mut self, progress: &Progress) -> io::Result<()> {
        match &mut self.way {
            Way::Bar(bar, size) => {
                bar.set_position((progress.done().unwrap_or(0.0) * BAR_STEPS as f64) as u64);
                let message = progress.message();
                bar.set_message(with_panel(message, progress.streams.as_ref(), *size));
                Ok(())
            }
            Way::Lines(writer) => {
                writeln!(writer, "{}", progress.line())?;
                writer.flush()
            }
            Way::Quiet => Ok(()),
        }
    }

    /// Show how a recorded run was going.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn replay(&mut self, replayed: &Replayed) -> io::Result<()> {
        match &mut self.way {
            Way::Bar(bar, size) => {
                bar.set_message(with_panel(
                    replayed.message(),
                    Some(&replayed.streams),
                    *size,
                ));
                Ok(())
            }
            Way::Lines(writer) => {
                writeln!(writer, "{}", replayed.line())?;
                writer.flush()
            }
            Way::Quiet => Ok(()),
        }
    }

    /// Take the bar away, if there is one.
    pub fn clear(self) {
        if let Way::Bar(bar, _) = self.way {
            bar.finish_and_clear();
        }
    }

    /// Say something above the bar, or on a line of its own.
    ///
    /// # Errors
    /// What the writer of lines says.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        match &mut self.way {
            Way::Bar(bar, _) => {
                bar.println(text);
                Ok(())
            }
            Way::Lines(writer) => {
                writeln!(writer, "{text}")?;
                writer.flush()
            }
            Way::Quiet => Ok(()),
        }
    }

    /// Take the bar away, or write the last line.
    ///
    /// # Errors
    /// What the writer of lines says.
    pub fn finish(self, progress: &Progress) -> io::Result<()> {
        match self.way {
            Way::Bar(bar, _) => {
                bar.finish_and_clear();
                Ok(())
            }
            Way::Lines(mut writer) => {
                writeln!(writer, "{}", progress.last_line())?;
                writer.flush()
            }
            Way::Quiet => Ok(()),
        }
    }
}

/// The line of the bar, and the panel below it.
fn with_panel(message: String, streams: Option<&StreamsView>, size: TerminalSize) -> String {
    let Some(streams) = streams else {
        return message;
    };
    let (columns, lines) = size().unwrap_or(SIZE_UNKNOWN);
    // The line of the bar may be wider than the terminal: what it takes more is not the panel's.
    let first = BAR_COLUMNS + message.chars().count();
    let more = first.saturating_sub(1) / usize::from(columns.max(1));
    let more = u16::try_from(more).unwrap_or(u16::MAX);
    let panel = streams.panel((columns, lines.saturating_sub(more)));
    let lines = std::iter::once(message).chain(panel);
    lines.collect::<Vec<_>>().join("\n")
}

/// k6's clock: `0m51.2s`, `1h05m00.0s`.
pub(crate) fn clock(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    let (hours, minutes, seconds, tenth) = (
        tenths / 36_000,
        tenths / 600 % 60,
        tenths / 10 % 60,
        tenths % 10,
    );
    if hours > 0 {
        format!("{hours}h{minutes:02}m{seconds:02}.{tenth}s")
    } else {
        format!("{minutes}m{seconds:02}.{tenth}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::testing::Shared;

    fn halfway() -> Progress {
        Progress {
            elapsed: Duration::from_millis(51_260),
            total: Some(Duration::from_secs(100)),
            users: 99,
            users_max: 100,
            iterations: 7_832,
            iterations_total: Some(10_000),
            interrupted: 1,
            requests_per_second: 1_234.56,
            iterations_per_second: 152.0,
            p95: Some(Duration::from_micros(12_345)),
            failed_rate: Some(0.012_3),
            failures: 2,
            ..Progress::default()
        }
    }

    #[test]
    fn a_line_has_every_figure_under_its_name() {
        let text = "running (0m51.2s/1m40.0s) users=99/100 iterations=7832/10000 interrupted=1 rps=1234.6 ips=152.0 p95=12.34ms \
                    failed=1.23% failures=2";
        assert_eq!(halfway().line(), text);
        let bare = Progress {
            users_max: 1,
            stopping: true,
            ..Progress::default()
        };
        let text = "stopping (0m00.0s) users=0/1 iterations=0 interrupted=0 rps=0.0 ips=0.0 p95=- failed=- failures=0";
        assert_eq!(bare.line(), text);
    }

    #[test]
    fn the_steady_state_and_a_shortage_are_told() {
        let told = Progress {
            steady: Some((97, 100)),
            saturated: Some("short of CPU"),
            ..halfway()
        };
        assert!(
            told.line()
                .ends_with(" failures=2 steady=97/100 SATURATED: short of CPU")
        );
        let message = told.message();
        assert!(
            message.ends_with("  steady 97/100  SATURATED: short of CPU"),
            "{message}"
        );
    }

    fn hidden_bar() -> ProgressDisplay {
        ProgressDisplay::bar(ProgressDrawTarget::hidden(), TEMPLATE, "running", || {
            Some((60, 9))
        })
    }

    #[test]
    fn streams_are_fields_of_a_line_and_a_panel_below_a_bar() {
        let streams = StreamsView::of(crate::streams::testing::a_crowd().iter());
        let progress = Progress {
            streams: streams.clone(),
            steady: Some((197, 201)),
            saturated: Some("short of CPU"),
            ..halfway()
        };
        let line = progress.line();
        let wanted = " failures=2 steady=197/201 streams=198/200 lagged=3 stalled=1 kbps=97862 SATURATED: short of CPU";
        assert!(line.ends_with(wanted), "{line}");
        let mut bar = hidden_bar();
        bar.update(&progress).unwrap();
        let Way::Bar(inner, _) = &bar.way else {
            panic!("a bar")
        };
        let shown = inner.message();
        let (first, panel) = shown.split_once('\n').unwrap();
        assert_eq!(first, progress.message());
        // The first line takes four of nine: it is wider than three of sixty columns.
        assert!(
            (181..=240).contains(&(BAR_COLUMNS + first.chars().count())),
            "{first}"
        );
        let wanted = streams.unwrap().panel((60, 6));
        assert_eq!(panel.lines().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn lines_are_written_as_they_come_and_quiet_is_quiet() {
        let shared = Shared::default();
        let mut lines = ProgressDisplay::lines(shared.clone());
        lines.update(&halfway()).unwrap();
        lines.say("stopping: waiting for 3 iterations").unwrap();
        lines.finish(&halfway()).unwrap();
        let want = format!(
            "{}\nstopping: waiting for 3 iterations\n{}\n",
            halfway().line(),
            halfway().last_line()
        );
        assert_eq!(shared.text(), want);
        assert!(want.ends_with(
            "running (0m51.2s), 99/100 VUs, 7832 complete and 1 interrupted iterations\n"
        ));
        let mut quiet = ProgressDisplay::quiet();
        quiet.update(&halfway()).unwrap();
        quiet.say("unheard").unwrap();
        quiet.finish(&halfway()).unwrap();
    }

    #[test]
    fn the_bar_follows_what_ends_first() {
        assert_eq!(halfway().done(), Some(0.783_2));
        assert_eq!(
            Progress {
                iterations: 1,
                ..halfway()
            }
            .done(),
            Some(0.512_6)
        );
        assert_eq!(
            Progress {
                elapsed: Duration::from_secs(130),
                ..halfway()
            }
            .done(),
            Some(1.0)
        );
        assert_eq!(
            Progress {
                total: None,
                iterations_total: None,
                ..halfway()
            }
            .done(),
            None
        );
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        assert!(ProgressStyle::with_template(TEMPLATE_WITHOUT_BAR).is_ok());
        let mut bar = hidden_bar();
        bar.update(&halfway()).unwrap();
        let Way::Bar(inner, _) = &bar.way else {
            panic!("a bar")
        };
        assert_eq!(
            (inner.position(), inner.prefix().as_str()),
            (783, "running")
        );
        let text = "0m51.2s/1m40.0s  99/100 users  7832/10000 iterations  1235 req/s  p95 12.34ms  1.23% failed  2 user failures";
        assert_eq!(inner.message(), text);
        bar.finish(&halfway()).unwrap();
    }

    #[test]
    fn clocks_read_as_in_k6() {
        for (ms, text) in [
            (0, "0m00.0s"),
            (51_299, "0m51.2s"),
            (60_000, "1m00.0s"),
            (3_900_050, "1h05m00.0s"),
        ] {
            assert_eq!(clock(Duration::from_millis(ms)), text);
        }
    }
}
