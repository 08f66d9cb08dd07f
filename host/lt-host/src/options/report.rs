//! Where the numbers of a run go.

use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use lt_report::{Detail, TextOptions, TrendStat};
use lt_spec::Problem;

// Where the numbers go.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ReportOptions {
    /// Write the summary to this file in the layout of k6's --summary-export.
    #[arg(long, value_name = "FILE", env = "LT_SUMMARY_EXPORT")]
    summary_export: Option<PathBuf>,
    #[command(flatten)]
    summary: SummaryOptions,
    /// Directory of results: each run makes <date>--<n> in it, with summary.json, metrics.hlog, events.jsonl and junit.xml, and
    /// points `latest` at it.
    #[arg(
        long,
        value_name = "DIR",
        env = "LT_RESULTS",
        default_value = "results"
    )]
    pub(crate) results: PathBuf,
    /// Make no directory of results.
    #[arg(long, env = "LT_NO_RESULTS", value_parser = BoolishValueParser::new())]
    pub(crate) no_results: bool,
    /// Show no progress. The summary is printed all the same.
    #[arg(short, long, env = "LT_QUIET", value_parser = BoolishValueParser::new())]
    pub(crate) quiet: bool,
}

// How a summary is printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct SummaryOptions {
    /// Columns of trends in the summary, separated by commas: avg, min, med, max, p(90), p(95), p(99), count.
    #[arg(long, value_name = "LIST", env = "LT_SUMMARY_TREND_STATS")]
    summary_trend_stats: Option<String>,
    /// How much the summary shows: compact, or full with every metric and the groups.
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        env = "LT_SUMMARY_MODE",
        default_value = "compact"
    )]
    summary_mode: SummaryMode,
}

/// How much the summary shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SummaryMode {
    /// What most readers want.
    Compact,
    /// Every metric, and the groups.
    Full,
}

impl ReportOptions {
    /// Where the summary is written in k6's layout.
    pub(crate) fn summary_export(&self) -> Option<&Path> {
        self.summary_export.as_deref()
    }

    /// How the summary is printed.
    ///
    /// # Errors
    /// As [`SummaryOptions::text_options`].
    pub(crate) fn text_options(&self, colors: bool) -> Result<TextOptions, Vec<Problem>> {
        self.summary.text_options(colors)
    }
}

impl SummaryOptions {
    /// How the summary is printed.
    ///
    /// # Errors
    /// Columns that there are not.
    pub(crate) fn text_options(&self, colors: bool) -> Result<TextOptions, Vec<Problem>> {
        let mut options = TextOptions {
            colors,
            detail: match self.summary_mode {
                SummaryMode::Compact => Detail::Compact,
                SummaryMode::Full => Detail::Full,
            },
            ..TextOptions::default()
        };
        if let Some(list) = &self.summary_trend_stats {
            let stats: Result<Vec<TrendStat>, String> = list.split(',').map(str::parse).collect();
            options.trend_stats = stats.map_err(|reason| {
                let remedy = "list columns separated by commas, such as avg,med,p(95)";
                vec![Problem::new("--summary-trend-stats", list, reason, remedy)]
            })?;
        }
        Ok(options)
    }
}
