//! The outside world in one struct: arguments, variables, output, clock, chance, signals. Everything else gets it from
//! here, so that a test can put another in its place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};

/// See the module.
pub struct Process {
    /// What was typed, the program's name first.
    pub arguments: Vec<OsString>,
    /// The environment; variables that are not UTF-8 are left out.
    pub variables: BTreeMap<String, String>,
    /// Where results go.
    pub stdout: Box<dyn Write + Send>,
    /// Where progress, logs and errors go.
    pub stderr: Box<dyn Write + Send>,
    /// Whether a person sees `stdout`.
    pub stdout_is_terminal: bool,
    /// Whether a person sees `stderr`.
    pub stderr_is_terminal: bool,
    /// The wall clock: nanoseconds since 1970, UTC.
    pub now_unix_ns: fn() -> i64,
    /// A random number: different in every process.
    pub random: fn() -> u64,
}

impl Process {
    /// The process that we are.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the world is looked at"
    )]
    pub fn of_this() -> Self {
        Self {
            arguments: std::env::args_os().collect(),
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            now_unix_ns,
            random,
        }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Write a result, at once.
    ///
    /// # Errors
    /// What the other end of the pipe or the disk says.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()
    }

    /// Write a line to a person. If nobody can read it, there is nobody to tell.
    pub fn complain(&mut self, line: &str) {
        self.tell_stderr(&format!("{line}\n"));
    }

    /// Write a text to a person; as [`complain`](Self::complain).
    pub(crate) fn tell_stderr(&mut self, text: &str) {
        let _unheard = self
            .stderr
            .write_all(text.as_bytes())
            .and_then(|()| self.stderr.flush());
    }
}

/// Call `on` for each SIGINT and SIGTERM from now on, with how many there have been, on a thread of its own that lasts as
/// long as the process.
///
/// # Errors
/// If the system gives no thread or takes no handler.
pub(crate) fn on_interrupt(mut on: impl FnMut(u32) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut interrupts, mut terminations) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                for count in 1.. {
                    tokio::select! {
                        heard = interrupts.recv() => if heard.is_none() { return },
                        heard = terminations.recv() => if heard.is_none() { return },
                    }
                    on(count);
                }
            });
        })?;
    Ok(())
}

/// End the process where it stands: for a person who has asked three times.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the run does not listen any more, and the exit code is still due"
)]
pub(crate) fn end_at_once(exit: crate::exit::Exit) {
    std::process::exit(i32::from(exit.code()));
}

fn now_unix_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The standard library seeds its hash maps from the system's randomness: enough for a seed that need not be secret.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A writer that can be read after it was given away.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A writer whose reader has gone.
    pub(crate) struct Closed;

    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a process printed.
    pub(crate) struct Printed {
        pub(crate) stdout: Shared,
        pub(crate) stderr: Shared,
    }

    /// A process without an environment, at a fixed time, that prints into memory.
    pub(crate) fn fake(arguments: &[&str]) -> (Process, Printed) {
        let printed = Printed {
            stdout: Shared::default(),
            stderr: Shared::default(),
        };
        let process = Process {
            arguments: std::iter::once("lt-host")
                .chain(arguments.iter().copied())
                .map(OsString::from)
                .collect(),
            variables: BTreeMap::new(),
            stdout: Box::new(printed.stdout.clone()),
            stderr: Box::new(printed.stderr.clone()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            now_unix_ns: || 1_614_173_830_000_000_000,
            random: || 7,
        };
        (process, printed)
    }
}
