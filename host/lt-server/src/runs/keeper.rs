//! `run.json`: what outlives the process. One thread writes all of them, so that no run and no call waits for a disk, and each
//! file whole: write, sync, rename, sync the directory.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use lt_report::ResultsDir;
use tokio::sync::oneshot;

use super::entry::{Entry, Kept};

/// The file of a run that outlives the process.
pub(crate) const RUN_FILE: &str = "run.json";

/// Writes the `run.json` of all runs. Cheap to clone; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    work: Sender<Work>,
}

type Work = (Arc<Entry>, Option<oneshot::Sender<io::Result<()>>>);

impl Keeper {
    /// Start its thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (work, waiting) = channel();
        std::thread::Builder::new()
            .name("run-records".to_owned())
            .spawn(move || keep(&waiting))?;
        Ok(Self { work })
    }

    /// Write how the run stands when its turn comes.
    pub(crate) fn save(&self, entry: &Arc<Entry>) {
        // The thread lives as long as we do.
        let _gone = self.work.send((entry.clone(), None));
    }

    /// The same, and wait until it is on the disk.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) async fn saved(&self, entry: &Arc<Entry>) -> io::Result<()> {
        self.ask(entry).await.unwrap_or_else(|_| gone())
    }

    /// The same, on a thread that may wait. A fault is in the log.
    pub(crate) fn saved_here(&self, entry: &Arc<Entry>) -> io::Result<()> {
        self.ask(entry).blocking_recv().unwrap_or_else(|_| gone())
    }

    fn ask(&self, entry: &Arc<Entry>) -> oneshot::Receiver<io::Result<()>> {
        let (done, written) = oneshot::channel();
        let _gone = self.work.send((entry.clone(), Some(done)));
        written
    }
}

fn gone() -> io::Result<()> {
    Err(io::Error::other("the writer of run.json has ended"))
}

fn keep(waiting: &Receiver<Work>) {
    while let Ok(first) = waiting.recv() {
        // What was asked for meanwhile is written once a run.
        let mut work: Vec<Work> = vec![first];
        work.extend(waiting.try_iter());
        let mut written: Vec<*const Entry> = Vec::new();
        for (entry, done) in work {
            let it = Arc::as_ptr(&entry);
            if done.is_none() && written.contains(&it) {
                continue;
            }
            written.push(it);
            let kept = entry.data().to_keep();
            let result = write(&entry.dir, &kept);
            if let Err(error) = &result {
                tracing::error!("{}: cannot be written: {error}", entry.dir.display());
            }
            if let Some(done) = done {
                // Who asked may not wait for it.
                let _unheard = done.send(result);
            }
        }
    }
}

/// Write it now.
///
/// # Errors
/// What the file system says.
pub(crate) fn write(dir: &Path, kept: &Kept) -> io::Result<()> {
    ResultsDir::at(dir).replace(RUN_FILE, |writer| {
        serde_json::to_writer_pretty(&mut *writer, kept)?;
        writer.write_all(b"\n")
    })
}

/// Read it.
///
/// # Errors
/// What the file system says, and `InvalidData` if it is no such file.
pub(crate) fn read(dir: &Path) -> io::Result<Kept> {
    let text = std::fs::read(dir.join(RUN_FILE))?;
    Ok(serde_json::from_slice(&text)?)
}
