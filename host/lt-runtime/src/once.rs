//! `init` and `terminate`: once per run, each in an instance of its own, with a deadline.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use lt_load::VuId;
use lt_spec::limits::{INIT_DEADLINE, TERMINATE_DEADLINE};
use lt_spec::seed;
use tokio::time::timeout;

use crate::bindings::types::{Failure, RunInfo};
use crate::core::Core;
use crate::ctx::{Identity, Taken};
use crate::meter::metered;
use crate::vu::{Body, classify};

/// Why `init` or `terminate` failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnceError {
    /// It returned a failure, or it trapped.
    #[error("{0}")]
    Failed(String),
    /// It asked for the end of the run.
    #[error("{0}")]
    Aborted(String),
    /// It took too long.
    #[error("it took over {0:?}")]
    Deadline(Duration),
}

/// Run `init` and return its bytes. Must be called inside a `LocalSet`.
///
/// # Errors
/// If it fails, traps or takes over a minute.
pub async fn init(core: &Rc<Core>) -> Result<Vec<u8>, OnceError> {
    let spec = &core.run.common.spec;
    let run = RunInfo {
        id: spec.id.clone(),
        seed: spec.seed,
        users: core.run.spec.load.users_max(),
    };
    within(INIT_DEADLINE, async {
        let mut body = instance(core).await?;
        body.store.data_mut().trace.enter("init", &[("run", &run)]);
        let result = {
            let call = pin!(body.world.call_init(&mut body.store, &run));
            metered(&body.meter, call).await
        };
        body.store.data_mut().trace.leave(&result);
        let settled = settle(&body, result);
        drop(body);
        core.settle().await;
        settled
    })
    .await
}

/// Run `terminate`. Must be called inside a `LocalSet`.
///
/// # Errors
/// If it fails, traps or takes over a minute.
pub async fn terminate(core: &Rc<Core>) -> Result<(), OnceError> {
    within(TERMINATE_DEADLINE, async {
        let mut body = instance(core).await?;
        let state = &core.run.state;
        let trace = &mut body.store.data_mut().trace;
        trace.enter("terminate", &[("state", state)]);
        let result = {
            let call = pin!(body.world.call_terminate(&mut body.store, state));
            metered(&body.meter, call).await
        };
        body.store.data_mut().trace.leave(&result);
        let settled = settle(&body, result);
        drop(body);
        core.settle().await;
        settled
    })
    .await
}

async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, OnceError>>,
) -> Result<T, OnceError> {
    timeout(deadline, call)
        .await
        .unwrap_or(Err(OnceError::Deadline(deadline)))
}

/// An instance that is no user: its id is 0.
async fn instance(core: &Rc<Core>) -> Result<Body, OnceError> {
    let who = Identity {
        id: VuId(0),
        position: 0,
        is_new: true,
        role: 0,
        seed: seed::nth(core.run.common.spec.seed, 0),
    };
    Body::build(core, who, None, Taken::default())
        .await
        .map_err(|error| OnceError::Failed(format!("{error:#}")))
}

fn settle<T>(body: &Body, result: wasmtime::Result<Result<T, Failure>>) -> Result<T, OnceError> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Failure::AbortRun(reason))) => Err(OnceError::Aborted(reason)),
        Ok(Err(Failure::Failed(reason) | Failure::StopUser(reason))) => {
            Err(OnceError::Failed(reason))
        }
        Err(trap) => {
            let (class, message) = classify(&trap, body.store.data());
            Err(OnceError::Failed(format!("{class}: {message}")))
        }
    }
}
