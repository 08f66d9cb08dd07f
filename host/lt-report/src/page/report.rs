//! `report.html`: the page with one run in it, a single file that needs neither server nor network.

use std::io::{self, Write};

use lt_metrics::Summary;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    DATA_MARK, HEAD_MARK, ICON, STYLE, TEMPLATE, THEME, UPLOT, UPLOT_LICENSE, UPLOT_STYLE,
    csp_hash, data_url, import_map,
};

/// Points of a chart: a second each for a quarter of an hour, and more than a chart has pixels.
pub const REPORT_POINTS_MAX: usize = 1000;
/// Bytes of snapshots in a report. A thousand of an ordinary run are one megabyte; a run with hundreds of metrics gets fewer points
/// instead of a file that no browser likes to open.
pub const REPORT_BYTES_MAX: usize = 16 << 20;
/// What charts are drawn from: of all snapshots but the last nothing else is kept.
const SERIES: [&str; 9] = [
    "seq",
    "elapsed_ms",
    "users",
    "iterations",
    "requests",
    "trends",
    "errors",
    "streams",
    "deliveries",
];
/// The counters that are charted, of some hundreds.
const COUNTERS: [&str; 2] = ["data_sent", "data_received"];
/// What is charted of a trend.
const TREND: [&str; 5] = ["p50", "p95", "p99", "max", "contains"];
/// Changes listed in a report: a run that is steered a thousand times is read in its events.
const CHANGES_MAX: usize = 1000;
/// What a line without changes holds: told without reading the line as JSON.
const NO_CHANGES: &str = "\"changes\":[]";
/// What begins the page in a report.
const BEGIN: &str = "import \"lt/app.js\";";

/// What a report shows beside its snapshots.
#[derive(Clone, Copy, Debug)]
pub struct ReportPage<'a> {
    /// The run, in the shape that `GET /v1/runs/ID` has, as far as it is known; what is missing is not shown. Values of secrets
    /// must be gone from it.
    pub run: &'a Value,
    /// The summary at the end, or the last one before a crash.
    pub summary: &'a Summary,
    /// Annotations: objects with `elapsed_ms` and `text`.
    pub annotations: &'a [Value],
}

/// Write the report. `snapshots` are lines of `snapshots.jsonl`, in order; one that is no JSON is left out, as the last one of a run
/// that was cut off may be. At most twice [`REPORT_POINTS_MAX`] of them are held at a time, however long the run was.
///
/// # Errors
/// What the writer says.
pub fn write_report<L: AsRef<str>>(
    mut out: impl Write,
    page: &ReportPage<'_>,
    snapshots: impl IntoIterator<Item = L>,
) -> io::Result<()> {
    let mut points = Points::default();
    for line in snapshots {
        points.push(line.as_ref());
    }
    let data = Data {
        run: page.run,
        summary: page.summary,
        annotations: page.annotations,
        changes: std::mem::take(&mut points.changes),
        snapshots: points.finish(),
    };
    let (start, rest) = TEMPLATE.split_once(HEAD_MARK).unwrap_or((TEMPLATE, ""));
    let (middle, end) = rest.split_once(DATA_MARK).unwrap_or((rest, ""));
    out.write_all(start.as_bytes())?;
    out.write_all(head().as_bytes())?;
    out.write_all(middle.as_bytes())?;
    out.write_all(b"<script type=\"application/json\" id=\"report\">")?;
    out.write_all(harmless(&serde_json::to_string(&data)?).as_bytes())?;
    out.write_all(b"</script>")?;
    out.write_all(end.as_bytes())?;
    out.flush()
}

/// As the page reads it.
#[derive(Serialize)]
struct Data<'a> {
    run: &'a Value,
    summary: &'a Summary,
    annotations: &'a [Value],
    changes: Vec<Value>,
    snapshots: Vec<Value>,
}

/// The head of the document, with everything in it. The policy stands in the document itself, as no server sends one: only these
/// scripts run, and nothing is ever fetched. `data:` is where the import map has the modules.
fn head() -> String {
    let map = import_map(|_, text| data_url("text/javascript", text));
    let scripts: Vec<String> = [THEME, UPLOT, &map, BEGIN]
        .iter()
        .map(|text| format!("'{}'", csp_hash(text)))
        .collect();
    let styles: Vec<String> = [UPLOT_STYLE, STYLE]
        .iter()
        .map(|text| format!("'{}'", csp_hash(text)))
        .collect();
    format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src data: {}; style-src {}; img-src data:; \
         base-uri 'none'; form-action 'none'\">\n\
         <link rel=\"icon\" href=\"{}\">\n<style>{UPLOT_STYLE}</style>\n<style>{STYLE}</style>\n<script>{THEME}</script>\n\
         <!-- uPlot:\n{UPLOT_LICENSE}-->\n<script>{UPLOT}</script>\n<script type=\"importmap\">{map}</script>\n\
         <script type=\"module\">{BEGIN}</script>",
        scripts.join(" "),
        styles.join(" "),
        data_url("image/svg+xml", ICON),
    )
}

/// JSON that can stand in a `script` element: nothing in it ends the element or begins a comment, whatever names and messages of a
/// scenario hold. The characters can only occur in texts, where an escape means the same.
pub(super) fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

/// Snapshots, thinned evenly as they come: whenever there are too many every second one goes, and from then on only every second
/// one is taken.
#[derive(Default)]
struct Points {
    /// With the bytes of each.
    kept: Vec<(usize, Value)>,
    bytes: usize,
    /// Lines so far.
    seen: usize,
    /// How often the kept ones were halved: each 2^halvings-th line is taken.
    halvings: u32,
    /// The last line that is whole.
    last: Option<String>,
    /// What was changed when, of all lines.
    changes: Vec<Value>,
}

impl Points {
    fn push(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if line.trim_end().ends_with('}') {
            self.last = Some(line.to_owned());
        }
        if !line.contains(NO_CHANGES) {
            self.note_changes(line);
        }
        let taken = self.seen.trailing_zeros() >= self.halvings;
        self.seen += 1;
        if !taken {
            return;
        }
        let Some(point) = slim(line) else { return };
        let size = point.to_string().len();
        self.bytes += size;
        self.kept.push((size, point));
        while self.kept.len() > 2
            && (self.kept.len() >= 2 * REPORT_POINTS_MAX || self.bytes > REPORT_BYTES_MAX)
        {
            self.halve();
        }
    }

    fn note_changes(&mut self, line: &str) {
        let Some(point) = parsed(line) else { return };
        let texts = point.get("changes").and_then(Value::as_array);
        for what in texts.into_iter().flatten() {
            if self.changes.len() < CHANGES_MAX {
                let elapsed_ms = point.get("elapsed_ms");
                self.changes
                    .push(json!({ "elapsed_ms": elapsed_ms, "what": what }));
            }
        }
    }

    fn halve(&mut self) {
        let mut position = 0_usize;
        self.kept.retain(|_| {
            position += 1;
            position % 2 == 1
        });
        self.bytes = self.kept.iter().map(|(size, _)| size).sum();
        self.halvings += 1;
    }

    /// What was kept, and the last one whole, as the figures are its.
    fn finish(mut self) -> Vec<Value> {
        if self.kept.len() > REPORT_POINTS_MAX {
            self.halve();
        }
        let mut points: Vec<Value> = self.kept.into_iter().map(|(_, point)| point).collect();
        if let Some(last) = self.last.as_deref().and_then(parsed) {
            let known = points.last().and_then(|point| point.get("elapsed_ms"));
            if known.is_some() && known == last.get("elapsed_ms") {
                points.pop();
            }
            points.push(last);
        }
        points
    }
}

fn parsed(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// A snapshot with only what charts need.
fn slim(line: &str) -> Option<Value> {
    let mut point = parsed(line)?;
    let mut counters = point.get_mut("counters").map(Value::take);
    if let Some(counters) = &mut counters {
        keep(counters, &COUNTERS);
    }
    keep(&mut point, &SERIES);
    let trends = point.get_mut("trends").and_then(Value::as_object_mut);
    for trend in trends.into_iter().flat_map(Map::values_mut) {
        keep(trend, &TREND);
    }
    if let Some(Value::Object(streams)) = point.get_mut("streams") {
        streams.remove("worst");
    }
    if let (Value::Object(fields), Some(counters)) = (&mut point, counters) {
        fields.insert("counters".to_owned(), counters);
    }
    Some(point)
}

/// Only these fields of an object, and of those what is not `null`.
fn keep(object: &mut Value, names: &[&str]) {
    if let Value::Object(fields) = object {
        fields.retain(|name, value| names.contains(&name.as_str()) && !value.is_null());
    }
}
