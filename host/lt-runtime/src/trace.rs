//! Every call between a user and the host, told to whoever wants to see them: `lt-host run --once`.
//!
//! Host functions run on the user's fiber, whose deepest frame stays in memory for as long as the user waits. So a call that
//! nobody watches costs one look at a flag, and all that makes texts lies in functions of its own, outside those frames.

use std::fmt::Debug;
use std::sync::Arc;

use tokio::time::Instant;

/// Is told of every call of a run, on the thread of the user that makes it.
pub type Tracer = Arc<dyn Fn(Seen<'_>) + Send + Sync>;

/// What is told of a call.
#[derive(Debug)]
pub enum Seen<'a> {
    /// The host calls a function of the scenario.
    Entered(&'a Call),
    /// That function has ended.
    Left(&'a Call, &'a Outcome),
    /// A function of the host has ended that the scenario called.
    Called(&'a Call, &'a Outcome),
}

/// A call, up to its end.
#[derive(Debug)]
pub struct Call {
    /// Whose it is: `chat 57`, and `chat` for `init` and `terminate`. Empty in a run of one scenario.
    pub user: Arc<str>,
    /// The scenario's `iterate`, the host's `http.send` or `http.response.status`.
    pub name: &'static str,
    /// Names and printed values. The handle that a method is called on is the first.
    pub arguments: Vec<(&'static str, String)>,
    /// When it began.
    pub began: Instant,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With this value, printed.
    Returned(String),
    /// With a trap, which ends the user: its reason.
    Trapped(String),
    /// Not at all: the user was ended meanwhile.
    CutOff,
}

impl Outcome {
    fn of<T: Debug>(result: &wasmtime::Result<T>) -> Self {
        match result {
            Ok(value) => Self::Returned(format!("{value:?}")),
            Err(trap) => {
                let reason = trap.root_cause().to_string();
                // Those of wasmtime's own say that they are traps.
                let reason = reason.strip_prefix("wasm trap: ").unwrap_or(&reason);
                Self::Trapped(reason.to_owned())
            }
        }
    }
}

/// One user's calls; nothing at all if nobody watches.
pub(crate) struct Trace(Option<Box<Calls>>);

struct Calls {
    tracer: Tracer,
    /// Whose calls these are.
    user: Arc<str>,
    /// The scenario's function, if it is in one.
    inside: Option<Call>,
    /// The host function that it waits for: one at a time.
    waiting: Option<Call>,
}

impl Trace {
    /// A user of a run that is traced, or not.
    pub(crate) fn new(tracer: Option<&Tracer>, user: impl FnOnce() -> Arc<str>) -> Self {
        Self(tracer.map(|tracer| {
            Box::new(Calls {
                tracer: tracer.clone(),
                user: user(),
                inside: None,
                waiting: None,
            })
        }))
    }

    /// Whether anybody watches.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A host function is called. Only for [`traced!`].
    #[cold]
    #[inline(never)]
    pub(crate) fn begin(
        &mut self,
        name: &'static str,
        arguments: impl FnOnce() -> Vec<(&'static str, String)>,
    ) {
        if let Some(calls) = &mut self.0 {
            calls.waiting = Some(Call {
                user: calls.user.clone(),
                name,
                arguments: arguments(),
                began: Instant::now(),
            });
        }
    }

    /// It has ended. Only for [`traced!`].
    #[cold]
    #[inline(never)]
    pub(crate) fn end<T: Debug>(&mut self, result: &wasmtime::Result<T>) {
        if let Some(calls) = &mut self.0
            && let Some(call) = calls.waiting.take()
        {
            (calls.tracer)(Seen::Called(&call, &Outcome::of(result)));
        }
    }

    /// The host calls a function of the scenario.
    pub(crate) fn enter(&mut self, name: &'static str, arguments: &[(&'static str, &dyn Debug)]) {
        let Some(calls) = &mut self.0 else { return };
        let arguments = arguments.iter();
        let call = Call {
            user: calls.user.clone(),
            name,
            arguments: arguments
                .map(|(name, value)| (*name, format!("{value:?}")))
                .collect(),
            began: Instant::now(),
        };
        (calls.tracer)(Seen::Entered(&call));
        calls.inside = Some(call);
    }

    /// It has ended.
    pub(crate) fn leave<T: Debug>(&mut self, result: &wasmtime::Result<T>) {
        if let Some(calls) = &mut self.0 {
            calls.close(&Outcome::of(result));
        }
    }
}

impl Calls {
    fn close(&mut self, outcome: &Outcome) {
        if let Some(call) = self.waiting.take() {
            (self.tracer)(Seen::Called(&call, &Outcome::CutOff));
        }
        if let Some(call) = self.inside.take() {
            (self.tracer)(Seen::Left(&call, outcome));
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        // The user was ended where it was.
        self.close(&Outcome::CutOff);
    }
}

/// Tell of a host function: of what `$body` is called with, before it takes that, and of what comes of it.
macro_rules! traced {
    ($view:ident, $name:literal, ($($argument:ident),*), $body:expr) => {{
        $crate::trace::begin!($view, $name, $($argument),*);
        let result = $crate::trace::call(|| $body);
        $crate::trace::end!($view, result);
        result
    }};
}

/// The same of one that waits.
macro_rules! traced_async {
    ($view:ident, $name:literal, ($($argument:ident),*), $body:expr) => {{
        $crate::trace::begin!($view, $name, $($argument),*);
        let result = $crate::trace::call_async(async {
            // The view is borrowed as a whole: a part of it that is only read may not be held across a wait.
            let _whole = &mut *$view;
            $body
        })
        .await;
        $crate::trace::end!($view, result);
        result
    }};
}

macro_rules! begin {
    ($view:ident, $name:literal, $($argument:ident),*) => {
        if $view.0.trace.is_on() {
            $view.0.trace.begin($name, || vec![$((stringify!($argument), format!("{:?}", $argument))),*]);
        }
    };
}

macro_rules! end {
    ($view:ident, $result:ident) => {
        if $view.0.trace.is_on() {
            $view.0.trace.end(&$result);
        }
    };
}

pub(crate) use {begin, end, traced, traced_async};

/// So that a body may return early without passing its end by.
pub(crate) fn call<T>(body: impl FnOnce() -> wasmtime::Result<T>) -> wasmtime::Result<T> {
    body()
}

/// The same for one that waits.
pub(crate) fn call_async<T, F: Future<Output = wasmtime::Result<T>>>(body: F) -> F {
    body
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    type Seens = Arc<Mutex<Vec<String>>>;

    /// A trace, and what it tells, without times.
    fn watched() -> (Trace, Seens) {
        let seen = Seens::default();
        let to = seen.clone();
        let tracer: Tracer = Arc::new(move |event| {
            let text = match event {
                Seen::Entered(call) => format!("> {} {:?}", call.name, call.arguments),
                Seen::Left(call, outcome) => format!("< {} {outcome:?}", call.name),
                Seen::Called(call, outcome) => {
                    format!("{} {:?} {outcome:?}", call.name, call.arguments)
                }
            };
            to.lock().unwrap().push(text);
        });
        (Trace::new(Some(&tracer), || Arc::from("chat 57")), seen)
    }

    /// A host function's view, as far as the macros see it.
    struct View(User);

    struct User {
        trace: Trace,
    }

    impl View {
        fn half(&mut self, of: u32, name: String) -> wasmtime::Result<Option<u32>> {
            traced!(self, "numbers.half", (of, name), {
                drop(name);
                if of % 2 == 1 {
                    return Ok(None);
                }
                let half = of
                    .checked_div(2)
                    .ok_or_else(|| wasmtime::Error::msg("odd"))?;
                if half == 0 {
                    return Err(wasmtime::Error::msg("nothing is left").context("halving"));
                }
                Ok(Some(half))
            })
        }

        async fn wait(&mut self, end: bool) -> wasmtime::Result<()> {
            traced_async!(self, "numbers.wait", (end), {
                if !end {
                    std::future::pending::<()>().await;
                }
                Ok(())
            })
        }
    }

    #[test]
    fn calls_are_told_with_what_came_of_them_however_they_end() {
        let (trace, seen) = watched();
        let mut view = View(User { trace });
        assert_eq!(view.half(4, "a".to_owned()).unwrap(), Some(2));
        assert_eq!(view.half(3, String::new()).unwrap(), None);
        assert!(view.half(0, String::new()).is_err());
        assert_eq!(
            *seen.lock().unwrap(),
            [
                r#"numbers.half [("of", "4"), ("name", "\"a\"")] Returned("Some(2)")"#,
                r#"numbers.half [("of", "3"), ("name", "\"\"")] Returned("None")"#,
                r#"numbers.half [("of", "0"), ("name", "\"\"")] Trapped("nothing is left")"#,
            ]
        );
    }

    #[tokio::test]
    async fn a_wait_that_its_user_does_not_outlive_is_cut_off_and_so_is_what_waited() {
        let (trace, seen) = watched();
        let mut view = View(User { trace });
        view.0.trace.enter("iterate", &[("number", &7)]);
        view.wait(true).await.unwrap();
        let cut = tokio::time::timeout(std::time::Duration::ZERO, view.wait(false));
        assert!(cut.await.is_err());
        drop(view);
        assert_eq!(
            *seen.lock().unwrap(),
            [
                r#"> iterate [("number", "7")]"#,
                r#"numbers.wait [("end", "true")] Returned("()")"#,
                r#"numbers.wait [("end", "false")] CutOff"#,
                "< iterate CutOff",
            ]
        );
    }

    #[test]
    fn functions_of_the_scenario_are_told_at_both_ends_and_once() {
        let (mut trace, seen) = watched();
        trace.enter("join", &[]);
        trace.leave(&Ok(()));
        trace.leave(&Ok(()));
        drop(trace);
        assert_eq!(
            *seen.lock().unwrap(),
            ["> join []", r#"< join Returned("()")"#]
        );
    }

    #[test]
    fn a_trap_is_told_by_its_reason() {
        let of = |trap: wasmtime::Error| Outcome::of::<()>(&Err(trap));
        assert_eq!(
            of(wasmtime::Trap::StackOverflow.into()),
            Outcome::Trapped("call stack exhausted".to_owned())
        );
        assert_eq!(
            of(crate::ctx::Ended::Denied("http").into()),
            Outcome::Trapped("http is not available here".to_owned())
        );
    }

    #[test]
    fn nothing_is_made_where_nobody_watches() {
        let mut view = View(User {
            trace: Trace::new(None, || panic!("nobody asks")),
        });
        assert_eq!(view.half(4, String::new()).unwrap(), Some(2));
        view.0.trace.enter("join", &[]);
        view.0.trace.leave(&Ok(()));
        assert!(!view.0.trace.is_on());
    }
}
