//! The results directory: one a run, never overwritten, with `latest` pointing at the newest.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};

use lt_metrics::Summary;

use crate::junit::write_junit;
use crate::samples::rfc3339_nano;
use crate::summary_json::write_summary;

/// Runs of one day that a directory can hold: one every nine seconds. More is a script that forgot `--no-results`.
pub const RESULTS_PER_DAY_MAX: u32 = 9999;
/// Characters of `YYYY-MM-DD`.
const DATE_CHARS: usize = 10;
/// The file of snapshots.
pub(crate) const SNAPSHOTS: &str = "snapshots.jsonl";
/// The file of events.
pub(crate) const EVENTS: &str = "events.jsonl";
/// The file of the numbers.
pub(crate) const SUMMARY: &str = "summary.json";
/// The page of the run.
pub(crate) const REPORT: &str = "report.html";

/// `results/<YYYY-MM-DD>--<n>/`. Holds nothing open itself; files in it belong to whoever asked for them.
#[derive(Clone, Debug)]
pub struct ResultsDir {
    path: PathBuf,
}

impl ResultsDir {
    /// Make the directory of a run that starts now (nanoseconds since 1970) under `parent`, which is made if need be,
    /// and point `latest` at it. Two runs that start at once get different numbers.
    ///
    /// # Errors
    /// What the file system says, and `AlreadyExists` after [`RESULTS_PER_DAY_MAX`] runs.
    pub fn create(parent: &Path, now_unix_ns: i64) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let date: String = rfc3339_nano(now_unix_ns).chars().take(DATE_CHARS).collect();
        for number in next_number(parent, &date)?..=RESULTS_PER_DAY_MAX {
            let name = format!("{date}--{number:03}");
            let path = parent.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => {
                    point_latest(parent, &name)?;
                    return Ok(Self { path });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {} // another run was faster
                Err(error) => return Err(error),
            }
        }
        let problem = format!(
            "{} holds {RESULTS_PER_DAY_MAX} runs of {date}; remove some",
            parent.display()
        );
        Err(io::Error::new(io::ErrorKind::AlreadyExists, problem))
    }

    /// Make this directory, that of a run whose name somebody else has chosen; `latest` stays as it is.
    ///
    /// # Errors
    /// What the file system says, `AlreadyExists` among it: results are never overwritten.
    pub fn create_at(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::create_dir(path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// One that is there, of a run that was begun before.
    #[must_use]
    pub fn existing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// A directory that is there already.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its run goes on, in this process or another: its files are locked as long as somebody writes them.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let opened = File::open(self.path.join(SNAPSHOTS));
        opened.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Write or replace `summary.json`, whole or not at all: may be called during the run, for partial results.
    ///
    /// # Errors
    /// What the file system says.
    pub fn summary(&self, summary: &Summary) -> io::Result<()> {
        self.replace(SUMMARY, |writer| write_summary(writer, summary))
    }

    /// Write or replace `junit.xml`, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn junit(&self, summary: &Summary) -> io::Result<()> {
        self.replace("junit.xml", |writer| write_junit(writer, summary))
    }

    /// Write or replace a file of this name, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let unfinished = self.path.join(format!(".{name}"));
        let mut writer = BufWriter::new(File::create(&unfinished)?);
        write(&mut writer)?;
        // On the disk before it takes the old one's place: after a power cut there is one of the two, never a part.
        let file = writer.into_inner().map_err(IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path.join(name))?;
        File::open(&self.path)?.sync_all()
    }
}

/// One more than the largest number of this day, so that removing an old run frees no number.
fn next_number(parent: &Path, date: &str) -> io::Result<u32> {
    let mut largest: u32 = 0;
    for entry in fs::read_dir(parent)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(date)?.strip_prefix("--")?.parse().ok());
        largest = largest.max(number.unwrap_or(0));
    }
    Ok(largest.saturating_add(1))
}

/// Make `latest` a link to this directory in one step: readers never find it missing.
fn point_latest(parent: &Path, name: &str) -> io::Result<()> {
    let unfinished = parent.join(format!(".latest-{name}"));
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(name, &unfinished)?;
    fs::rename(&unfinished, parent.join("latest"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::a_run;

    const NOW: i64 = 1_614_173_830_000_000_000;

    /// A directory of its own for each test, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("lt-report-{name}-{}", std::process::id()));
            _ = fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn runs_of_a_day_are_numbered_and_latest_follows() {
        let scratch = Scratch::new("numbered");
        let first = ResultsDir::create(&scratch.0, NOW).unwrap();
        assert!(first.path().ends_with("2021-02-24--001"));
        fs::create_dir(scratch.0.join("2021-02-24--007")).unwrap();
        fs::create_dir(scratch.0.join("2021-02-24--notes")).unwrap();
        let next = ResultsDir::create(&scratch.0, NOW).unwrap();
        assert!(next.path().ends_with("2021-02-24--008"));
        assert_eq!(
            fs::read_link(scratch.0.join("latest")).unwrap(),
            Path::new("2021-02-24--008")
        );
        assert!(scratch.0.join("latest").is_dir());
    }

    #[test]
    fn runs_that_start_at_once_get_directories_of_their_own() {
        let scratch = Scratch::new("at-once");
        let paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let start = || {
                ResultsDir::create(&scratch.0, NOW)
                    .unwrap()
                    .path()
                    .to_owned()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut distinct = paths.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), paths.len());
    }

    #[test]
    fn files_are_written_whole() {
        let scratch = Scratch::new("files");
        let dir = ResultsDir::create(&scratch.0, NOW).unwrap();
        dir.summary(&Summary::default()).unwrap();
        dir.summary(&a_run()).unwrap();
        dir.junit(&a_run()).unwrap();
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["junit.xml", "summary.json"]);
        let read = |text: &str| serde_json::from_str::<Summary>(text).unwrap();
        let written = fs::read_to_string(dir.path().join("summary.json")).unwrap();
        assert_eq!(
            read(&written),
            read(&serde_json::to_string(&a_run()).unwrap())
        );
    }

    #[test]
    fn a_full_day_is_refused() {
        let scratch = Scratch::new("full");
        fs::create_dir_all(scratch.0.join(format!("2021-02-24--{RESULTS_PER_DAY_MAX}"))).unwrap();
        let error = ResultsDir::create(&scratch.0, NOW).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("remove some"), "{error}");
    }
}
