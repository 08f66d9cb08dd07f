//! Writing single samples beside the run: on a thread of its own, through a bounded queue, so that a slow disk costs
//! samples (counted), never the load.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use lt_metrics::{Registry, Sample};
use lt_report::SampleWriter;

/// Reports waiting to be written: at ten a second and core, some seconds of a stalled disk.
const QUEUE_REPORTS_MAX: usize = 64;

/// The thread that writes samples.
pub(crate) struct WriterThread {
    queue: SyncSender<Vec<Sample>>,
    thread: JoinHandle<io::Result<()>>,
}

impl WriterThread {
    /// Start it; `None` if there is nothing to write to.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(
        mut writers: Vec<Box<dyn SampleWriter + Send>>,
        registry: Arc<Registry>,
    ) -> io::Result<Option<Self>> {
        if writers.is_empty() {
            return Ok(None);
        }
        let (queue, reports) = sync_channel::<Vec<Sample>>(QUEUE_REPORTS_MAX);
        let thread = std::thread::Builder::new()
            .name("samples".to_owned())
            .spawn(move || {
                for samples in reports {
                    for writer in &mut writers {
                        writer.write(&samples, &registry)?;
                    }
                }
                writers.into_iter().try_for_each(SampleWriter::finish)
            })?;
        Ok(Some(Self { queue, thread }))
    }

    /// Queue samples; returns how many were lost because the queue is full or the writer has failed.
    pub(crate) fn write(&self, samples: &[Sample]) -> usize {
        match self.queue.try_send(samples.to_vec()) {
            Ok(()) => 0,
            Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) => lost.len(),
        }
    }

    /// Write what is queued and end.
    ///
    /// # Errors
    /// What the first failing writer said.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.queue);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the sample writer panicked")))
    }
}
