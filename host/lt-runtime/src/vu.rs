//! A virtual user that runs a scenario: the load engine's view of a store.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use lt_load::{BuildError, Iteration, Outcome, Place, StopFlag, Vu, VuFactory};
use lt_metrics::{FailureClass, JournalEvent, TagsId};
use lt_spec::limits::{JOIN_OVERDUE, JOIN_PATIENCE, REBUILD_PAUSE};
use lt_spec::seed;
use wasmtime::component::ResourceTableError;
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use crate::bindings::ScenarioWorld;
use crate::bindings::types::{Failure, IterationInfo, UserInfo};
use crate::core::{Core, GroupId};
use crate::ctx::{Ended, Identity, Taken, UserCtx};
use crate::engine::Engine;
use crate::interfaces::timing::to_guest;
use crate::io_link::IoGuard;
use crate::limits::HANDLES_MAX;
use crate::meter::{Meter, metered};
use crate::version::{Deployment, Member, Overdue, Version};

/// Builds the users of one core.
pub struct Factory {
    home: Rc<Home>,
}

impl Factory {
    /// A factory for this core, whose users have the versions that the deployment says.
    #[must_use]
    pub fn new(core: Rc<Core>, deployment: Arc<Deployment>) -> Self {
        let home = Home {
            first: core,
            deployment,
            cores: RefCell::default(),
        };
        Self {
            home: Rc::new(home),
        }
    }
}

/// A thread's core for each version of a scenario.
struct Home {
    /// What the others were made from: it lives as long as the thread.
    first: Rc<Core>,
    deployment: Arc<Deployment>,
    cores: RefCell<Vec<(Arc<Version>, Rc<Core>)>>,
}

impl Home {
    /// The core for a version: made for the first of its users, and kept while it has any or will have.
    fn core(&self, version: &Arc<Version>) -> Rc<Core> {
        let mut cores = self.cores.borrow_mut();
        let known = cores.iter().find(|(of, _)| Arc::ptr_eq(of, version));
        if let Some((_, core)) = known {
            return core.clone();
        }
        let is_first = Arc::ptr_eq(version.run(), &self.first.run);
        let core = if is_first {
            self.first.clone()
        } else {
            Core::next(&self.first, version.run().clone())
        };
        cores.retain(|(of, core)| Rc::strong_count(core) > 1 || self.deployment.is_wanted(of));
        cores.push((version.clone(), core.clone()));
        core
    }
}

impl VuFactory for Factory {
    type Vu = ScenarioUser;

    async fn build(&self, place: Place) -> Result<ScenarioUser, BuildError> {
        let deployment = &self.home.deployment;
        // Before the version: a change in between is seen again, and none is missed.
        let seen = deployment.revision();
        let version = deployment.of_new(place.position);
        let core = self.home.core(&version);
        let member = Member::of(version);
        let run = &core.run;
        let who = Identity {
            id: place.id,
            position: place.position,
            is_new: place.is_new,
            role: run.spec.roles.of(place.position),
            seed: seed::nth(run.common.spec.seed, place.id.0),
        };
        // Boxed, like all that happens once in a user's life: it would weigh in every user's task for ever.
        let tags = core.tags_of_group(who.role, GroupId::ROOT);
        let taken = Taken::default();
        let build = Body::build(&core, who, Some(&place.stop), taken.clone());
        let built = Box::pin(build).await;
        let body = built.map_err(|error| {
            member.version().count_join(true);
            let text = format!("{error:#}");
            core.record_failure(tags, FailureClass::Host, &text);
            BuildError(text)
        })?;
        Ok(ScenarioUser {
            home: self.home.clone(),
            core,
            member,
            seen: Cell::new(seen),
            who,
            stop: place.stop,
            tags,
            taken,
            has_joined: false,
            body: Some(body),
        })
    }
}

/// One virtual user. Its store is thrown away after a trap and built anew before the next iteration.
pub struct ScenarioUser {
    home: Rc<Home>,
    core: Rc<Core>,
    member: Member,
    /// The deployment that it has complied with.
    seen: Cell<u64>,
    who: Identity,
    stop: Rc<StopFlag>,
    tags: TagsId,
    taken: Taken,
    has_joined: bool,
    body: Option<Body>,
}

/// What is thrown away after a trap: the store, the instance in it, and the user's I/O task.
pub(crate) struct Body {
    pub(crate) store: Store<UserCtx>,
    pub(crate) world: ScenarioWorld,
    pub(crate) meter: Rc<Meter>,
    _io: Option<IoGuard>,
}

impl Body {
    /// Instantiate the scenario. The I/O task is made first: making it from inside a host call would dirty three more
    /// pages of the user's stack for its whole life.
    /// `stop` is what a user is told by that it is to end; `init` and `terminate` never are.
    pub(crate) async fn build(
        core: &Rc<Core>,
        who: Identity,
        stop: Option<&Rc<StopFlag>>,
        taken: Taken,
    ) -> wasmtime::Result<Self> {
        let scenario = &core.run.scenario;
        let engine = &scenario.engine;
        let budget = Engine::ticks_of(core.run.common.spec.user_limits.cpu);
        let meter = Rc::new(Meter::new(engine.ticks.clone(), budget));
        let io = if scenario.uses_network {
            IoGuard::spawn(core, who)
        } else {
            None
        };
        let link = io.as_ref().map(IoGuard::link);
        let ctx = UserCtx::new(core.clone(), meter.clone(), link, who, stop.cloned(), taken);
        let mut store = ctx.into_store(&engine.engine);
        let world = {
            let call = pin!(scenario.pre.instantiate_async(&mut store));
            metered(&meter, call).await?
        };
        if stop.is_some() && scenario.uses_coordination {
            store.data_mut().enroll();
        }
        Ok(Self {
            store,
            world,
            meter,
            _io: io,
        })
    }

    /// Call `join`.
    async fn join(&mut self, core: &Core, who: Identity) -> wasmtime::Result<Result<(), Failure>> {
        let user = UserInfo {
            id: who.id.0,
            role: core.role_name(who.role).to_owned(),
            node: core.run.common.spec.node.clone(),
            seed: who.seed,
            is_new: who.is_new,
        };
        let state = &core.run.state;
        self.store.data_mut().wake_up();
        let trace = &mut self.store.data_mut().trace;
        trace.enter("join", &[("user", &user), ("state", state)]);
        let result = {
            let call = pin!(self.world.call_join(&mut self.store, &user, state));
            metered(&self.meter, call).await
        };
        self.store.data_mut().trace.leave(&result);
        result
    }
}

impl Vu for ScenarioUser {
    async fn join(&mut self) -> Outcome {
        loop {
            if !self.has_joined && self.is_outdated() {
                // It waited, built, while its version was replaced.
                let version = self.version_to_be();
                if let Err(outcome) = Box::pin(self.begin_anew(version)).await {
                    return outcome;
                }
            }
            if let Some(outcome) = self.call_join().await {
                self.has_joined = true;
                return outcome;
            }
            let version = self.version_to_be();
            if let Err(outcome) = Box::pin(self.begin_anew(version)).await {
                return outcome;
            }
        }
    }

    async fn mend(&mut self) -> Outcome {
        if self.body.is_some() {
            return Outcome::Passed;
        }
        Box::pin(self.rebuild()).await
    }

    fn is_outdated(&self) -> bool {
        let revision = self.home.deployment.revision();
        if revision == self.seen.get() {
            return false;
        }
        let present = self.member.version();
        let deployment = &self.home.deployment;
        if !Arc::ptr_eq(&deployment.of_running(self.who.position, present), present) {
            return true;
        }
        self.seen.set(revision);
        false
    }

    async fn renew(&mut self) -> Outcome {
        let was_lost = self.body.take().is_none();
        if was_lost {
            tokio::time::sleep(REBUILD_PAUSE).await;
        }
        let before = self.member.version().clone();
        loop {
            let version = self.version_to_be();
            let Some(outcome) = self.move_to(version.clone()).await else {
                continue;
            };
            let has_failed = matches!(outcome, Outcome::Failed | Outcome::Lost);
            if !has_failed || Arc::ptr_eq(&version, &before) {
                return outcome;
            }
            // It stays what it was until the next deployment: the new version's fault is not the user's end.
            if let Some(outcome) = self.move_to(before.clone()).await {
                return outcome;
            }
        }
    }

    async fn iterate(&mut self, iteration: Iteration) -> Outcome {
        let Some(body) = &mut self.body else {
            return Outcome::Failed;
        };
        if self.core.was_tagged_anew() {
            self.tags = self.core.tags_of_group(self.who.role, GroupId::ROOT);
        }
        body.store.data_mut().iteration = iteration.number;
        let info = IterationInfo {
            number: iteration.number,
            intended_start: to_guest(iteration.intended),
            actual_start: to_guest(iteration.actual),
        };
        let trace = &mut body.store.data_mut().trace;
        trace.enter("iterate", &[("iteration", &info)]);
        let result = {
            let call = pin!(body.world.call_iterate(&mut body.store, info));
            metered(&body.meter, call).await
        };
        body.store.data_mut().trace.leave(&result);
        while body.store.data_mut().end_group() {}
        let stop = body.store.data().stop_self;
        let trapped = result.is_err();
        let outcome = self.judge(result);
        let failed = matches!(outcome, Outcome::Failed | Outcome::Lost);
        self.member.version().count_iteration(failed);
        if trapped {
            self.body = None;
            return Outcome::Lost;
        }
        if let Some(io) = self.body.as_ref().and_then(|body| body._io.as_ref()) {
            io.end_iteration();
        }
        if stop && !matches!(outcome, Outcome::AbortRun(_)) {
            Outcome::StopUser
        } else {
            outcome
        }
    }

    async fn leave(&mut self) {
        let Some(body) = &mut self.body else { return };
        body.store.data_mut().leaving = true;
        let result = Box::pin(async {
            body.store.data_mut().trace.enter("leave", &[]);
            let call = pin!(body.world.call_leave(&mut body.store));
            metered(&body.meter, call).await
        })
        .await;
        body.store.data_mut().trace.leave(&result);
        self.judge(result.map(Ok));
    }

    fn tags(&self) -> TagsId {
        self.tags
    }
}

impl ScenarioUser {
    /// Call `join`, and count it. `None` if it hung and the user is to have another version by now: its body is gone then.
    async fn call_join(&mut self) -> Option<Outcome> {
        let Some(mut body) = self.body.take() else {
            return Some(Outcome::StopUser);
        };
        let journal = &self.core.journal;
        journal.write(self.who.id.0, || JournalEvent::Joined);
        let result = Box::pin(async {
            tokio::select! {
                biased;
                result = body.join(&self.core, self.who) => Some(result),
                () = self.is_given_up() => None,
            }
        });
        let result = result.await?;
        self.body = Some(body);
        let trapped = result.is_err();
        let outcome = self.judge(result);
        let failed = matches!(outcome, Outcome::Failed | Outcome::Lost);
        self.member.version().count_join(failed);
        if trapped {
            self.body = None;
        }
        Some(outcome)
    }

    /// While it is in `join`: count it as overdue in time, and end when it has had its time and is to have another version.
    async fn is_given_up(&self) {
        tokio::time::sleep(JOIN_PATIENCE).await;
        let is_outdated = self.home.deployment.until(|| self.is_outdated());
        let rest = JOIN_OVERDUE.saturating_sub(JOIN_PATIENCE);
        if tokio::time::timeout(rest, is_outdated).await.is_err() {
            let _overdue = Overdue::of(self.member.version());
            self.home.deployment.until(|| self.is_outdated()).await;
        }
    }

    /// A new body after a trap, joined: of another version, if the user is to have one by now.
    async fn rebuild(&mut self) -> Outcome {
        tokio::time::sleep(REBUILD_PAUSE).await;
        let mut version = if self.is_outdated() {
            self.version_to_be()
        } else {
            self.member.version().clone()
        };
        loop {
            if let Some(outcome) = self.move_to(version).await {
                return outcome;
            }
            version = self.version_to_be();
        }
    }

    /// The version that the user is to have now; it has complied with the present deployment.
    fn version_to_be(&self) -> Arc<Version> {
        let deployment = &self.home.deployment;
        // Before the version, so that no change is missed.
        self.seen.set(deployment.revision());
        deployment.of_running(self.who.position, self.member.version())
    }

    /// A new body of this version, joined; `None` as for [`Self::call_join`].
    async fn move_to(&mut self, version: Arc<Version>) -> Option<Outcome> {
        match self.begin_anew(version).await {
            Ok(()) => self.call_join().await,
            Err(outcome) => Some(outcome),
        }
    }

    /// A new body of this version. The one before goes first: there is room for so many.
    async fn begin_anew(&mut self, version: Arc<Version>) -> Result<(), Outcome> {
        self.body = None;
        if !Arc::ptr_eq(&version, self.member.version()) {
            self.core = self.home.core(&version);
            self.tags = self.core.tags_of_group(self.who.role, GroupId::ROOT);
            self.member = Member::of(version);
        }
        let taken = self.taken.clone();
        match Body::build(&self.core, self.who, Some(&self.stop), taken).await {
            Ok(body) => {
                self.body = Some(body);
                Ok(())
            }
            Err(error) => {
                self.member.version().count_join(true);
                let text = format!("{error:#}");
                self.core
                    .record_failure(self.tags, FailureClass::Host, &text);
                Err(Outcome::Failed)
            }
        }
    }

    /// Count what went wrong and say what follows.
    fn judge(&self, result: wasmtime::Result<Result<(), Failure>>) -> Outcome {
        let (class, message) = match result {
            Ok(Ok(())) => return Outcome::Passed,
            Ok(Err(Failure::StopUser(_))) => return Outcome::StopUser,
            Ok(Err(Failure::AbortRun(reason))) => return Outcome::AbortRun(reason),
            Ok(Err(Failure::Failed(message))) => (FailureClass::Failure, message),
            Err(trap) => match &self.body {
                Some(body) => classify(&trap, body.store.data()),
                None => (FailureClass::Host, format!("{trap:#}")),
            },
        };
        self.core.record_failure(self.tags, class, &message);
        let journal = &self.core.journal;
        journal.write(self.who.id.0, || JournalEvent::Failed);
        Outcome::Failed
    }
}

/// What kind of trap this was, and its text for people: a panic's own words if the guest printed any.
pub(crate) fn classify(trap: &wasmtime::Error, ctx: &UserCtx) -> (FailureClass, String) {
    let words = ctx.last_words.take();
    let text = |fallback: String| {
        if words.is_empty() {
            fallback
        } else {
            words.clone()
        }
    };
    if let Some(ended) = trap.downcast_ref::<Ended>() {
        let class = match ended {
            Ended::Cpu => FailureClass::Cpu,
            Ended::Denied(_) => FailureClass::Denied,
        };
        return (class, format!("{ended}{}", place(trap)));
    }
    if let Some(ResourceTableError::Full) = trap.downcast_ref::<ResourceTableError>() {
        let text = format!("held more than {HANDLES_MAX} handles{}", place(trap));
        return (FailureClass::Memory, text);
    }
    if let Some(I32Exit(code)) = trap.downcast_ref::<I32Exit>() {
        return (
            FailureClass::Panic,
            text(format!("the scenario called exit({code})")),
        );
    }
    match trap.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => (
            FailureClass::Stack,
            format!("stack overflow{}", place(trap)),
        ),
        Some(Trap::UnreachableCodeReached) if ctx.limits.refused() => (
            FailureClass::Memory,
            "asked for more memory than a user may have".to_owned(),
        ),
        Some(Trap::UnreachableCodeReached) => (
            FailureClass::Panic,
            text(format!("unreachable code reached{}", place(trap))),
        ),
        Some(other) => (FailureClass::Trap, format!("{other}{}", place(trap))),
        None => (FailureClass::Host, format!("{trap:#}")),
    }
}

/// The innermost named function of a trap, as ` in NAME`.
fn place(trap: &wasmtime::Error) -> String {
    trap.downcast_ref::<wasmtime::WasmBacktrace>()
        .and_then(|backtrace| {
            backtrace
                .frames()
                .iter()
                .find_map(|frame| frame.func_name())
        })
        .map(|name| format!(" in {}", rustc_demangled(name)))
        .unwrap_or_default()
}

/// A function's name without the hash that Rust puts behind it.
fn rustc_demangled(name: &str) -> &str {
    match name.rfind("::h") {
        Some(at) if name.len() - at == 19 => name.get(..at).unwrap_or(name),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_hash() {
        assert_eq!(
            rustc_demangled("shop::cart::add::h0123456789abcdef"),
            "shop::cart::add"
        );
        assert_eq!(rustc_demangled("shop::help"), "shop::help");
    }
}
