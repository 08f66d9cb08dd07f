//! The one thread on which scenarios are compiled: niced, so that users of running tests keep the processors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use lt_runtime::{Engine, LoadError, Scenario};
use lt_spec::limits::COMPILE_QUEUE_MAX;
use tokio::sync::oneshot;

use crate::error::{ApiError, ApiResult};

/// The lowest priority that a thread may take: it runs when nobody else wants to, nearly.
const NICENESS: i32 = 19;

/// Gives the bytes of a component, on the compiler's thread.
type Bytes = Box<dyn FnOnce() -> std::io::Result<Vec<u8>> + Send>;

/// What becomes of a component.
type Compiled = std::io::Result<Result<Scenario, LoadError>>;

struct Job {
    bytes: Bytes,
    answer: oneshot::Sender<Compiled>,
}

/// See the module. Cheap to clone; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    jobs: Arc<SyncSender<Job>>,
}

impl Compiler {
    /// Start the thread.
    ///
    /// # Errors
    /// If the system gives none.
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(COMPILE_QUEUE_MAX);
        std::thread::Builder::new()
            .name("compiler".to_owned())
            .spawn(move || work(&engine, &queue))?;
        Ok(Self {
            jobs: Arc::new(jobs),
        })
    }

    /// Check, compile and describe a component.
    ///
    /// # Errors
    /// `too_many` if too many wait, `internal` if its bytes cannot be read; the inner error says why it is no scenario.
    pub(crate) async fn compile(
        &self,
        bytes: impl FnOnce() -> std::io::Result<Vec<u8>> + Send + 'static,
    ) -> ApiResult<Result<Scenario, LoadError>> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            bytes: Box::new(bytes),
            answer,
        };
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                let message = format!(
                    "{COMPILE_QUEUE_MAX} scenarios wait for the compiler, which is the limit"
                );
                return Err(ApiError::too_many(message, 5));
            }
            Err(TrySendError::Disconnected(_)) => {
                return Err(ApiError::internal("the compiler's thread has ended"));
            }
        }
        match answered.await {
            Ok(Ok(compiled)) => Ok(compiled),
            Ok(Err(error)) => Err(ApiError::internal(error)),
            // The thread goes on; what it choked on is in the log.
            Err(_) => Err(ApiError::internal("the compiler failed on a scenario")),
        }
    }
}

fn work(engine: &Engine, queue: &Receiver<Job>) {
    // Linux takes a thread for a process here: only this one gives way. Where it may not, it competes.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!("the compiler has the priority of all other threads: {error}");
    }
    for Job { bytes, answer } in queue {
        if answer.is_closed() {
            // Whoever asked has left.
            continue;
        }
        let compiled = catch_unwind(AssertUnwindSafe(|| Ok(engine.load(&bytes()?))));
        match compiled {
            Ok(compiled) => drop(answer.send(compiled)),
            Err(_) => drop(answer),
        }
    }
}
