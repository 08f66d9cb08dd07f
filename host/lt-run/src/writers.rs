//! Writing single samples, and what single users did, beside the run: on a thread of its own, through a bounded queue, so that a slow
//! disk costs lines (counted), never the load.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use lt_metrics::{JournalLine, MachineUse, Registry, Sample};
use lt_report::{JournalWriter, SampleWriter};

/// Reports waiting to be written: at ten a second and core, some seconds of a stalled disk.
const QUEUE_REPORTS_MAX: usize = 64;

/// The outputs of a run that write every sample, and those that follow each user.
pub(crate) struct Writers {
    pub(crate) samples: Vec<Box<dyn SampleWriter + Send>>,
    pub(crate) journals: Vec<Box<dyn JournalWriter + Send>>,
}

/// The thread that writes.
pub(crate) struct WriterThread {
    queue: SyncSender<Batch>,
    /// Whether an output follows users.
    has_journals: bool,
    thread: JoinHandle<io::Result<()>>,
}

/// What is written at once.
enum Batch {
    Samples(Vec<Sample>),
    Journal(Vec<JournalLine>),
    Machine(MachineUse),
}

impl Batch {
    fn lines(&self) -> usize {
        match self {
            Self::Samples(samples) => samples.len(),
            Self::Journal(lines) => lines.len(),
            Self::Machine(_) => 1,
        }
    }
}

impl Writers {
    fn write(mut self, batches: Receiver<Batch>, registry: &Registry) -> io::Result<()> {
        for batch in batches {
            match batch {
                Batch::Samples(samples) => {
                    for writer in &mut self.samples {
                        writer.write(&samples, registry)?;
                    }
                }
                Batch::Journal(lines) => {
                    for writer in &mut self.journals {
                        writer.lines(&lines)?;
                    }
                }
                Batch::Machine(used) => {
                    for writer in &mut self.journals {
                        writer.machine(&used)?;
                    }
                }
            }
        }
        self.samples
            .into_iter()
            .try_for_each(SampleWriter::finish)?;
        self.journals
            .into_iter()
            .try_for_each(JournalWriter::finish)
    }
}

impl WriterThread {
    /// Start it; `None` if there is nothing to write to.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(writers: Writers, registry: Arc<Registry>) -> io::Result<Option<Self>> {
        if writers.samples.is_empty() && writers.journals.is_empty() {
            return Ok(None);
        }
        let has_journals = !writers.journals.is_empty();
        let (queue, batches) = sync_channel(QUEUE_REPORTS_MAX);
        // What it logs is of the run that starts it.
        let span = tracing::Span::current();
        let thread = std::thread::Builder::new()
            .name("samples".to_owned())
            .spawn(move || span.in_scope(|| writers.write(batches, &registry)))?;
        Ok(Some(Self {
            queue,
            has_journals,
            thread,
        }))
    }

    /// Queue samples; returns how many were lost because the queue is full or the writer has failed.
    pub(crate) fn write(&self, samples: &[Sample]) -> usize {
        self.queue(Batch::Samples(samples.to_vec()))
    }

    /// Queue what users did; returns how many lines were lost.
    pub(crate) fn journal(&self, lines: Vec<JournalLine>) -> usize {
        self.queue(Batch::Journal(lines))
    }

    /// Queue what the machine uses, for outputs that follow users; returns how many lines were lost.
    pub(crate) fn machine(&self, used: MachineUse) -> usize {
        if self.has_journals {
            self.queue(Batch::Machine(used))
        } else {
            0
        }
    }

    fn queue(&self, batch: Batch) -> usize {
        match self.queue.try_send(batch) {
            Ok(()) => 0,
            Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) => lost.lines(),
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use lt_metrics::JournalEvent;

    use super::*;

    /// Tells what it is given, and waits to be let go before it takes anything.
    struct Slow {
        go: Receiver<()>,
        told: Sender<String>,
    }

    impl JournalWriter for Slow {
        fn lines(&mut self, lines: &[JournalLine]) -> io::Result<()> {
            self.go.recv().unwrap();
            self.told.send(format!("{} lines", lines.len())).unwrap();
            Ok(())
        }

        fn machine(&mut self, used: &MachineUse) -> io::Result<()> {
            self.told.send(format!("cpu {}", used.cpu)).unwrap();
            Ok(())
        }

        fn finish(self: Box<Self>) -> io::Result<()> {
            self.told.send("finished".to_owned()).unwrap();
            Ok(())
        }
    }

    fn lines(count: usize) -> Vec<JournalLine> {
        vec![JournalLine::now(1, JournalEvent::Joined); count]
    }

    #[test]
    fn lines_that_a_slow_output_cannot_take_are_counted_and_the_rest_is_written() {
        let ((let_go, go), (told, heard)) = (channel(), channel());
        let writers = Writers {
            samples: Vec::new(),
            journals: vec![Box::new(Slow { go, told })],
        };
        let thread = WriterThread::start(writers, Arc::new(Registry::new()));
        let thread = thread.unwrap().unwrap();
        let mut lost = 0;
        // One may be with the writer already, and the queue holds the rest.
        for _ in 0..QUEUE_REPORTS_MAX + 2 {
            lost += thread.journal(lines(3));
        }
        assert!(lost == 3 || lost == 6, "{lost}");
        let_go.send(()).unwrap();
        let written = QUEUE_REPORTS_MAX + 2 - lost / 3;
        (1..written).for_each(|_| let_go.send(()).unwrap());
        thread.finish().unwrap();
        let heard: Vec<String> = heard.iter().collect();
        assert_eq!(heard.len(), written + 1);
        assert_eq!(heard.first().map(String::as_str), Some("3 lines"));
        assert_eq!(heard.last().map(String::as_str), Some("finished"));
    }

    #[test]
    fn nothing_to_write_to_is_no_thread() {
        let writers = Writers {
            samples: Vec::new(),
            journals: Vec::new(),
        };
        let thread = WriterThread::start(writers, Arc::new(Registry::new()));
        assert!(thread.unwrap().is_none());
    }
}
