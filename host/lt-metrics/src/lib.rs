//! What was measured: pure values, no I/O.
//!
//! A [`Recorder`] per core takes samples without a lock; each second its [`Delta`] is merged into the run's [`Totals`],
//! which the [`Judge`] holds against the [`Threshold`]s and which end as a [`Summary`].
//!
//! Values are aggregated per metric and per *submetric* (a metric with a tag selector that a threshold or the summary
//! names), never per tag set: that bounds memory whatever a scenario tags, and is k6's model.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

pub mod builtin;
mod delta;
mod failure;
mod histogram;
mod journal;
mod judge;
mod kinds;
mod plan;
mod recorder;
mod registry;
mod sample;
mod sink;
mod streams;
mod summary;
mod tag_table;
mod threshold;
mod totals;

pub use delta::{CheckDelta, Delta, FailureDelta, GroupDelta};
pub use failure::{FAILURE_MESSAGE_BYTES_MAX, FAILURE_MESSAGES_MAX, FailureClass};
pub use histogram::Histogram;
pub use journal::{JournalEvent, JournalLine, MachineUse, journal_of};
pub use judge::{Judge, Verdict};
pub use kinds::{KIND_BYTES_MAX, KINDS_MAX, KindCount, OTHER_KINDS};
pub use plan::{SUBMETRICS_MAX, Submetric, SubmetricPlan};
pub use recorder::{CHECKS_MAX, GROUPS_MAX, Recorder, SAMPLES_PENDING_MAX};
pub use registry::{
    DeclareError, METRIC_NAME_CHARS_MAX, METRICS_MAX, Metric, Registry, is_valid_name,
};
pub use sample::{Kind, MetricId, Sample, Tags, TagsId, Unit};
pub use sink::Sink;
pub use streams::{Direction, StreamCounts, StreamRow, StreamState, StreamTable};
pub use summary::{
    CheckSummary, FailureMessage, FailureSummary, GroupSummary, MetricSummary, RunState,
    START_LAG_WARNING_MS, SUMMARY_VERSION, SubmetricSummary, Summary, ThresholdResult, Trend,
    Values,
};
pub use tag_table::TAG_SETS_MAX;
pub use threshold::{Aggregate, Operator, Threshold, ThresholdError};
pub use totals::Totals;
