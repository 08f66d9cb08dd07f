//! What people and programs see of a run: the summary on the terminal, files in k6's layouts and our own, progress.
//!
//! Everything here turns values of `lt-metrics` into text. Nothing reads a clock, the environment or the network; what
//! is written goes to the writers and directories that the caller gives; only [`Keeper`] has threads, for files of a run that goes on.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod dossier;
mod events;
mod hlog;
mod humanize;
mod junit;
mod keeper;
pub mod page;
mod progress;
pub mod prometheus;
mod replay;
mod results;
mod samples;
mod samples_csv;
mod samples_json;
pub mod snapshot;
mod stream_csv;
mod streams;
mod summary_json;
mod text;
mod threshold_text;

pub use dossier::{Dossier, RunEnd};
pub use events::EventLog;
pub use hlog::HlogWriter;
pub use humanize::{humanize_bytes, humanize_duration, humanize_number, humanize_rate};
pub use junit::write_junit;
pub use keeper::{Keeper, PENDING_BYTES_MAX, Tail};
pub use progress::{Progress, ProgressDisplay, TerminalSize};
pub use replay::{Replay, ReplayFault, ReplayRow, ReplayRows, Replayed};
pub use results::{RESULTS_PER_DAY_MAX, ResultsDir};
pub use samples::SampleWriter;
pub use samples_csv::SamplesCsv;
pub use samples_json::SamplesJson;
pub use stream_csv::{JournalWriter, StreamCsv};
pub use streams::{Flow, StreamsView, WorstStream};
pub use summary_json::{write_summary, write_summary_export};
pub use text::{Detail, TextOptions, TrendStat, conclusions, text_summary};
