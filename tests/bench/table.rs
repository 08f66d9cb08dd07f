//! The table: what was measured, against what is asked.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use crate::plan::Plan;

/// Whether a figure is what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is.
    Ok,
    /// It is not.
    Short,
    /// It could not be measured here.
    Missing,
}

impl Verdict {
    /// Of a figure that must not be larger than its bound.
    pub(crate) fn at_most(figure: f64, bound: f64) -> Self {
        if figure <= bound {
            Self::Ok
        } else {
            Self::Short
        }
    }

    /// Of a figure that must not be smaller than its bound.
    pub(crate) fn at_least(figure: f64, bound: f64) -> Self {
        if figure >= bound {
            Self::Ok
        } else {
            Self::Short
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Short => "SHORT",
            Self::Missing => "not measured",
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: &'static str,
    /// What is asked for, in words.
    pub(crate) target: String,
    /// The figure, in words.
    pub(crate) figure: String,
    /// The figure as a number, for whoever compares two benches.
    pub(crate) value: f64,
    /// Whether it is enough.
    pub(crate) verdict: Verdict,
    /// What it was made of.
    pub(crate) details: Value,
}

/// All lines, and the circumstances.
pub(crate) struct Table {
    rows: Vec<Row>,
    circumstances: Value,
}

impl Table {
    /// An empty table of this machine at this time.
    pub(crate) fn new(plan: &Plan) -> Self {
        let read = |path: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.trim().to_owned()
        };
        let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        Self {
            rows: Vec::new(),
            circumstances: json!({
                "quick": plan.quick,
                "processors": processors,
                "kernel": read("/proc/sys/kernel/osrelease"),
                "load_average_before": read("/proc/loadavg"),
                "max_map_count": read("/proc/sys/vm/max_map_count"),
            }),
        }
    }

    /// Add a line, and tell whoever waits.
    pub(crate) fn add(&mut self, row: Row) {
        let Row {
            what,
            figure,
            target,
            verdict,
            ..
        } = &row;
        eprintln!("  {what}: {figure} (asked: {target}) {}", verdict.text());
        self.rows.push(row);
    }

    /// The lines.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Write all of it.
    pub(crate) fn write_json(&self, path: &Path) -> std::io::Result<()> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "what": row.what,
                    "target": row.target,
                    "figure": row.figure,
                    "value": row.value,
                    "verdict": row.verdict.text(),
                    "details": row.details,
                })
            })
            .collect();
        let all = json!({ "circumstances": self.circumstances, "rows": rows });
        std::fs::write(path, format!("{all:#}\n"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Row) -> &str, least: usize| {
            let widest = self.rows.iter().map(|row| of(row).chars().count()).max();
            widest.unwrap_or(0).max(least)
        };
        let what = width(|row| row.what, 4);
        let target = width(|row| &row.target, 6);
        let figure = width(|row| &row.figure, 6);
        writeln!(
            formatter,
            "\n{:what$}  {:target$}  {:figure$}  verdict",
            "what", "asked", "figure"
        )?;
        for row in &self.rows {
            writeln!(
                formatter,
                "{:what$}  {:target$}  {:figure$}  {}",
                row.what,
                row.target,
                row.figure,
                row.verdict.text()
            )?;
        }
        let circumstances = &self.circumstances;
        let load = circumstances["load_average_before"].as_str().unwrap_or("");
        let load = load.split(' ').next().unwrap_or("");
        write!(
            formatter,
            "{} processors, load average {load} before the bench{}",
            circumstances["processors"],
            if circumstances["quick"] == true {
                ", short form"
            } else {
                ""
            },
        )
    }
}
