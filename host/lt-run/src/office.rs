//! Where `init` and `terminate` run, and where the run itself records: a core without users, on the run's own thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::builtin::RTMP_STREAMS;
use lt_metrics::{Delta, MetricId, Recorder, Registry, StreamCounts, SubmetricPlan, Tags, TagsId};
use lt_runtime::{Core, OnceError, RunShared, once};
use tokio::task::LocalSet;

use crate::control::Control;
use crate::run::RunError;

/// How often a waiting `init` or `terminate` looks whether it is still wanted.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct Office {
    runtime: tokio::runtime::Runtime,
    recorder: Rc<RefCell<Recorder>>,
}

impl Office {
    pub(crate) fn new(
        registry: &Arc<Registry>,
        plan: &Arc<SubmetricPlan>,
        keep_samples: bool,
    ) -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let recorder = Recorder::new(registry.clone(), plan.clone(), keep_samples);
        Ok(Self {
            runtime,
            recorder: Rc::new(RefCell::new(recorder)),
        })
    }

    /// Whether the network settings of the run work: a core is made and thrown away.
    pub(crate) fn check(&self, run: &Arc<RunShared>) -> Result<(), RunError> {
        self.core(run).map(|_| ()).map_err(RunError::Network)
    }

    fn core(&self, run: &Arc<RunShared>) -> Result<Rc<Core>, String> {
        let _entered = self.runtime.enter();
        Core::new(run.clone(), self.recorder.clone())
    }

    /// Run `init`; `None` if the end was asked for before it came back.
    pub(crate) fn init(
        &self,
        run: &Arc<RunShared>,
        control: &Control,
    ) -> Option<Result<Vec<u8>, OnceError>> {
        let core = match self.core(run) {
            Ok(core) => core,
            Err(reason) => return Some(Err(OnceError::Failed(reason))),
        };
        LocalSet::new().block_on(&self.runtime, async {
            tokio::select! {
                result = once::init(&core) => Some(result),
                () = stop_asked(control) => None,
            }
        })
    }

    /// Run `terminate`, calling `look` ten times a second. Whoever asks for the end at once while it runs, cuts it off.
    pub(crate) fn terminate(
        &self,
        run: &Arc<RunShared>,
        control: &Control,
        look: &mut dyn FnMut(),
    ) -> Result<(), OnceError> {
        let core = self.core(run).map_err(OnceError::Failed)?;
        let asked_before = control.stop_now_asked();
        let watching = async {
            while asked_before || !control.stop_now_asked() {
                look();
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        LocalSet::new().block_on(&self.runtime, async {
            tokio::select! {
                result = once::terminate(&core) => result,
                () = watching => Err(OnceError::Failed("it was cut off: the run was to end at once".to_owned())),
            }
        })
    }

    /// Count what another plan names, which extends the present one.
    pub(crate) fn follow(&self, plan: Arc<SubmetricPlan>) {
        self.recorder.borrow_mut().follow(plan);
    }

    /// Record something of the whole run.
    pub(crate) fn record(&self, metric: MetricId, value: f64) {
        self.recorder
            .borrow_mut()
            .record(metric, TagsId::EMPTY, value);
    }

    /// Record something of one scenario of the run.
    pub(crate) fn record_tagged(&self, metric: MetricId, tags: &Tags, value: f64) {
        let mut recorder = self.recorder.borrow_mut();
        let tags = recorder.intern(tags.clone());
        recorder.record(metric, tags, value);
    }

    /// Record how many streams stand where: all that were asked for as the metric, each state as a part of it.
    pub(crate) fn record_streams(&self, counts: &StreamCounts) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.record(
            RTMP_STREAMS,
            TagsId::EMPTY,
            crate::desk::float(counts.asked),
        );
        for (state, count) in counts.by_state() {
            let part = ("state", state);
            recorder.record_part_value(
                RTMP_STREAMS,
                TagsId::EMPTY,
                part,
                crate::desk::float(count),
            );
        }
    }

    /// What was recorded since the last time.
    pub(crate) fn take(&self) -> Delta {
        self.recorder.borrow_mut().take()
    }
}

/// Wait until someone asks for the end.
async fn stop_asked(control: &Control) {
    while !control.stop_asked() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
