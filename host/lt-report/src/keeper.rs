//! Files of a run that goes on, written beside it: a slow disk never delays the run, and a run that is killed leaves what it
//! had measured.
//!
//! Two things can end a run before its time, and each has its own remedy.
//!
//! - **The process dies** (a panic of the host, `kill -9`, no memory left). What was handed to the kernel survives, so lines
//!   are handed over whole and at once, by a thread that does nothing else. At most the second under way is lost.
//! - **The machine dies.** Only what is on the disk survives. Once a second another thread writes `summary.json` (a new file,
//!   synced, then renamed over the old one) and then syncs the files of lines. It takes as long as the disk takes; meanwhile
//!   newer summaries replace the one that waits, so a slow disk makes them rarer and never older than they say.
//!
//! Readers of these files pass over a last line that is torn: that is what a full disk or a power cut leaves.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use lt_metrics::Summary;

use crate::results::ResultsDir;

/// Bytes of lines that may wait for the disk, per run: some minutes of a usual run. Beyond that they are left out, and said to
/// be.
pub const PENDING_BYTES_MAX: usize = 16 << 20;

/// See the module. Ends with [`Keeper::finish`]; dropped before, it writes what it was given and does not wait for the disk.
pub struct Keeper {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// A file of lines. What is written to it is kept until it is flushed, and is then written in one piece.
pub struct Tail {
    shared: Arc<Shared>,
    file: Arc<File>,
    name: &'static str,
    line: Vec<u8>,
}

struct Shared {
    dir: ResultsDir,
    lines: Mutex<Lines>,
    lines_given: Condvar,
    summary: Mutex<Waiting>,
    summary_given: Condvar,
    faults: Mutex<BTreeMap<&'static str, String>>,
}

/// Whole lines for a file of this name.
type Given = (&'static str, Arc<File>, Vec<u8>);

#[derive(Default)]
struct Lines {
    pending: VecDeque<Given>,
    bytes: usize,
    ended: bool,
}

#[derive(Default)]
struct Waiting {
    newest: Option<Arc<Summary>>,
    files: Vec<(&'static str, Arc<File>)>,
    ended: bool,
}

impl Keeper {
    /// Keep the files of this directory.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(dir: ResultsDir) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            dir,
            lines: Mutex::default(),
            lines_given: Condvar::new(),
            summary: Mutex::default(),
            summary_given: Condvar::new(),
            faults: Mutex::default(),
        });
        let mut keeper = Self {
            shared,
            threads: Vec::new(),
        };
        keeper.spawn("results-lines", Shared::write_lines)?;
        keeper.spawn("results-summary", Shared::write_summaries)?;
        Ok(keeper)
    }

    fn spawn(&mut self, name: &str, work: fn(&Shared)) -> io::Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.threads.push(thread.spawn(move || work(&shared))?);
        Ok(())
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &ResultsDir {
        &self.shared.dir
    }

    /// Make or empty a file of lines.
    ///
    /// # Errors
    /// What the file system says.
    pub fn tail(&self, name: &'static str) -> io::Result<Tail> {
        let file = Arc::new(File::create(self.shared.dir.path().join(name))?);
        // While it is locked the run goes on (`ResultsDir::is_live`); where locks are not known nobody can tell.
        let _unknown = file.try_lock();
        locked(&self.shared.summary)
            .files
            .push((name, file.clone()));
        Ok(Tail {
            shared: self.shared.clone(),
            file,
            name,
            line: Vec::new(),
        })
    }

    /// Write this summary as soon as the disk has time, unless a newer one comes before.
    pub fn summary(&self, summary: Arc<Summary>) {
        locked(&self.shared.summary).newest = Some(summary);
        self.shared.summary_given.notify_one();
    }

    /// Wait until everything is on the disk. Returns what could not be written, with the name of its file, the first fault of
    /// each.
    pub fn finish(mut self) -> Vec<(&'static str, String)> {
        self.end();
        for thread in self.threads.drain(..) {
            // A thread that panicked has written what it could.
            let _panicked = thread.join();
        }
        // The last lines may have come after the last summary.
        let files = std::mem::take(&mut locked(&self.shared.summary).files);
        for (name, file) in files {
            if let Err(error) = file.sync_all() {
                self.shared.note(name, &error);
            }
        }
        let faults = std::mem::take(&mut *locked(&self.shared.faults));
        faults.into_iter().collect()
    }

    fn end(&self) {
        locked(&self.shared.lines).ended = true;
        self.shared.lines_given.notify_one();
        locked(&self.shared.summary).ended = true;
        self.shared.summary_given.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Hand over what was written: whole lines.
    fn flush(&mut self) -> io::Result<()> {
        if self.line.is_empty() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let mut lines = locked(&self.shared.lines);
        if lines.bytes + line.len() > PENDING_BYTES_MAX {
            return Err(io::Error::other(
                "the disk is too slow: lines were left out",
            ));
        }
        lines.bytes += line.len();
        lines
            .pending
            .push_back((self.name, self.file.clone(), line));
        drop(lines);
        self.shared.lines_given.notify_one();
        Ok(())
    }
}

impl Shared {
    /// Hand lines to the kernel until the end.
    fn write_lines(&self) {
        let mut torn: Vec<&'static str> = Vec::new();
        while let Some((name, file, mut line)) = self.next_line() {
            if torn.contains(&name) {
                // What was cut off must not swallow the next line.
                line.insert(0, b'\n');
            }
            let written = (&*file).write_all(&line);
            torn.retain(|known| *known != name);
            if let Err(error) = written {
                torn.push(name);
                self.note(name, &error);
            }
        }
    }

    fn next_line(&self) -> Option<Given> {
        let mut lines = locked(&self.lines);
        loop {
            if let Some(next) = lines.pending.pop_front() {
                lines.bytes = lines.bytes.saturating_sub(next.2.len());
                return Some(next);
            }
            if lines.ended {
                return None;
            }
            lines = self
                .lines_given
                .wait(lines)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Bring summaries, and the lines written so far, to the disk until the end.
    fn write_summaries(&self) {
        loop {
            let mut waiting = locked(&self.summary);
            while waiting.newest.is_none() && !waiting.ended {
                waiting = self
                    .summary_given
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let Some(summary) = waiting.newest.take() else {
                return;
            };
            let files = waiting.files.clone();
            drop(waiting);
            if let Err(error) = self.dir.summary(&summary) {
                self.note("summary.json", &error);
            }
            for (name, file) in files {
                if let Err(error) = file.sync_data() {
                    self.note(name, &error);
                }
            }
        }
    }

    fn note(&self, name: &'static str, error: &io::Error) {
        let mut faults = locked(&self.faults);
        faults.entry(name).or_insert_with(|| error.to_string());
    }
}

/// What a thread that panicked left is still good: each change is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::a_run;

    fn dir(name: &str) -> ResultsDir {
        let path = std::env::temp_dir().join(format!("lt-keeper-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        ResultsDir::at(path)
    }

    fn read(dir: &ResultsDir, name: &str) -> String {
        std::fs::read_to_string(dir.path().join(name)).unwrap()
    }

    #[test]
    fn what_is_flushed_is_written_and_what_is_not_is_no_part_of_a_line() {
        let dir = dir("whole");
        let keeper = Keeper::start(dir.clone()).unwrap();
        let (mut events, mut other) = (
            keeper.tail("events").unwrap(),
            keeper.tail("other").unwrap(),
        );
        for number in 0..1000 {
            writeln!(events, "event {number}").unwrap();
            events.flush().unwrap();
            writeln!(other, "other {number}").unwrap();
            other.flush().unwrap();
        }
        write!(events, "half a l").unwrap();
        assert!(keeper.finish().is_empty());
        let lines = read(&dir, "events");
        assert_eq!(lines.lines().count(), 1000);
        assert!(lines.ends_with("event 999\n"), "{lines}");
        assert_eq!(read(&dir, "other").lines().count(), 1000);
        std::fs::remove_dir_all(dir.path()).unwrap();
    }

    #[test]
    fn the_newest_summary_is_the_one_that_stays() {
        let dir = dir("newest");
        let keeper = Keeper::start(dir.clone()).unwrap();
        for seed in 1..=50 {
            let mut summary = a_run();
            summary.state.seed = seed;
            keeper.summary(Arc::new(summary));
        }
        assert!(keeper.finish().is_empty());
        let kept: Summary = serde_json::from_str(&read(&dir, "summary.json")).unwrap();
        assert_eq!(kept.state.seed, 50);
        std::fs::remove_dir_all(dir.path()).unwrap();
    }

    #[test]
    fn a_fault_is_told_once_a_file_and_stops_nothing() {
        let dir = dir("faults");
        let keeper = Keeper::start(dir.clone()).unwrap();
        let mut events = keeper.tail("events").unwrap();
        // No file can be made where the directory is gone; lines still go where the open file is.
        std::fs::remove_dir_all(dir.path()).unwrap();
        for _ in 0..3 {
            keeper.summary(Arc::new(a_run()));
            writeln!(events, "on").unwrap();
            events.flush().unwrap();
        }
        let faults = keeper.finish();
        let names: Vec<&str> = faults.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["summary.json"], "{faults:?}");
    }

    #[test]
    fn a_full_disk_costs_lines_and_not_the_ones_after_it() {
        let shared = Shared {
            dir: dir("full"),
            lines: Mutex::default(),
            lines_given: Condvar::new(),
            summary: Mutex::default(),
            summary_given: Condvar::new(),
            faults: Mutex::default(),
        };
        let good = Arc::new(File::create(shared.dir.path().join("events")).unwrap());
        let full = Arc::new(File::create("/dev/full").unwrap());
        for file in [&full, &good, &good] {
            let line = ("events", file.clone(), b"line\n".to_vec());
            locked(&shared.lines).pending.push_back(line);
        }
        locked(&shared.lines).ended = true;
        shared.write_lines();
        assert_eq!(read(&shared.dir, "events"), "\nline\nline\n");
        assert_eq!(locked(&shared.faults).len(), 1);
        std::fs::remove_dir_all(shared.dir.path()).unwrap();
    }

    #[test]
    fn a_disk_that_never_answers_takes_no_memory_without_end() {
        // No thread writes: everything waits.
        let shared = Arc::new(Shared {
            dir: dir("slow"),
            lines: Mutex::default(),
            lines_given: Condvar::new(),
            summary: Mutex::default(),
            summary_given: Condvar::new(),
            faults: Mutex::default(),
        });
        let keeper = Keeper {
            shared: shared.clone(),
            threads: Vec::new(),
        };
        let mut tail = keeper.tail("events").unwrap();
        let line = vec![b'x'; PENDING_BYTES_MAX / 4];
        let given: Vec<bool> = (0..5)
            .map(|_| tail.write_all(&line).and_then(|()| tail.flush()).is_ok())
            .collect();
        assert_eq!(given, [true, true, true, true, false]);
        assert_eq!(locked(&shared.lines).bytes, PENDING_BYTES_MAX);
        std::fs::remove_dir_all(shared.dir.path()).unwrap();
    }

    #[test]
    fn a_run_that_goes_on_is_told_from_one_that_ended() {
        let dir = dir("live");
        assert!(!dir.is_live());
        let keeper = Keeper::start(dir.clone()).unwrap();
        let tail = keeper.tail("snapshots.jsonl").unwrap();
        assert!(dir.is_live());
        drop(tail);
        keeper.finish();
        assert!(!dir.is_live());
        std::fs::remove_dir_all(dir.path()).unwrap();
    }
}
