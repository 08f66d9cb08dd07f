//! `lt:scenario/log`: lines to the host's log, capped per user unless its calls are traced.

use lt_spec::limits::LOG_LINE_BYTES_MAX;
use tokio::time::Instant;
use tracing::Level as HostLevel;

use crate::bindings::log::{Host, Level};
use crate::interfaces::{View, cut};
use crate::trace::traced;

impl Host for View<'_> {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        traced!(self, "log.write", (level, message), {
            if !enabled(level) {
                return Ok(());
            }
            // Whoever watches one user's every call wants all of its lines.
            if !self.0.trace.is_on() && !self.0.log_budget.take(Instant::now()) {
                self.0.core().drop_log_line(self.0.tags());
                return Ok(());
            }
            let (user, iteration) = (self.0.who.id.0, self.0.iteration);
            let text = cut(&message, LOG_LINE_BYTES_MAX);
            match level {
                Level::Trace => tracing::trace!(target: "guest", user, iteration, "{text}"),
                Level::Debug => tracing::debug!(target: "guest", user, iteration, "{text}"),
                Level::Info => tracing::info!(target: "guest", user, iteration, "{text}"),
                Level::Warn => tracing::warn!(target: "guest", user, iteration, "{text}"),
                Level::Error => tracing::error!(target: "guest", user, iteration, "{text}"),
            }
            Ok(())
        })
    }

    fn enabled(&mut self, level: Level) -> wasmtime::Result<bool> {
        traced!(self, "log.enabled", (level), { Ok(enabled(level)) })
    }

    fn conclude(&mut self, line: String) -> wasmtime::Result<()> {
        traced!(self, "log.conclude", (line), {
            // Only `init` and `terminate` are never asked to end: a hundred thousand users have no conclusions.
            if self.0.stop_flag().is_none() {
                self.0.core().run.common.conclusions.add(&line);
            }
            Ok(())
        })
    }
}

fn enabled(level: Level) -> bool {
    match level {
        Level::Trace => tracing::enabled!(target: "guest", HostLevel::TRACE),
        Level::Debug => tracing::enabled!(target: "guest", HostLevel::DEBUG),
        Level::Info => tracing::enabled!(target: "guest", HostLevel::INFO),
        Level::Warn => tracing::enabled!(target: "guest", HostLevel::WARN),
        Level::Error => tracing::enabled!(target: "guest", HostLevel::ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(cut("short", LOG_LINE_BYTES_MAX), "short");
        let long = "ä".repeat(LOG_LINE_BYTES_MAX);
        let text = format!("x{long}");
        assert_eq!(cut(&text, LOG_LINE_BYTES_MAX).len(), LOG_LINE_BYTES_MAX - 1);
    }
}
