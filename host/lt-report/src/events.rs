//! What happened when, as lines of JSON (`events.jsonl`): starts, stops, failed thresholds, warnings.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::samples::rfc3339_nano;

/// See the module. Each line is flushed at once, so that the file tells how far a run came that crashed.
pub struct EventLog<W> {
    writer: W,
}

impl<W: Write> EventLog<W> {
    /// A log over any writer.
    pub fn new(writer: W) -> Self {
        Self { writer }
    }

    /// Write `{"time": …, "event": …, …fields}`; fields that are no object are put under `data`.
    ///
    /// # Errors
    /// What the writer says, and fields that JSON cannot hold.
    pub fn event(
        &mut self,
        time_unix_ns: i64,
        event: &str,
        fields: &impl Serialize,
    ) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("time".to_owned(), Value::String(rfc3339_nano(time_unix_ns)));
        line.insert("event".to_owned(), Value::String(event.to_owned()));
        match serde_json::to_value(fields)? {
            Value::Object(fields) => line.extend(fields),
            Value::Null => {}
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                line.insert("data".to_owned(), other);
            }
        }
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        self.writer.write_all(&bytes)?;
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut bytes = Vec::new();
        let mut log = EventLog::new(&mut bytes);
        log.event(
            1_614_173_830_000_000_000,
            "started",
            &serde_json::json!({"users": 3, "run": "a\nb"}),
        )
        .unwrap();
        log.event(1_614_173_831_000_000_000, "stopped", &())
            .unwrap();
        log.event(1_614_173_832_000_000_000, "warning", &"slow")
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[0],
            serde_json::json!({"time": "2021-02-24T13:37:10Z", "event": "started", "users": 3, "run": "a\nb"})
        );
        assert_eq!(lines[1]["event"], "stopped");
        assert_eq!(lines[2]["data"], "slow");
    }
}
