//! `snapshots.jsonl`: a snapshot a line.

use std::io::{self, Write};

use super::Snapshot;

/// Writes snapshots to a file as they are made. Each is one call of the writer, so that of a process that is killed the file
/// ends with a whole line, or at worst with one that was begun when the disk was full.
pub struct SnapshotLog<W> {
    writer: W,
    line: Vec<u8>,
}

impl<W: Write> SnapshotLog<W> {
    /// A log over a writer without a buffer of its own.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            line: Vec::new(),
        }
    }

    /// Write one.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, snapshot)?;
        self.line.push(b'\n');
        self.writer.write_all(&self.line)?;
        self.writer.flush()
    }

    /// The writer, to make sure of what was written.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }
}

/// The snapshots in the text of a `snapshots.jsonl`. Lines that are torn or no snapshot are passed over: what was being written
/// when the machine went down is not worth losing the rest for.
#[must_use]
pub fn read_snapshots(text: &str) -> Vec<Snapshot> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
