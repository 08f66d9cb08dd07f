//! Child processes with an end: what they print is collected, their time is bounded, and none outlives its test.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often a waiting test looks whether its child has ended: short against any run of the suite.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Time a child gets to obey SIGTERM before it is killed.
const TERM_GRACE: Duration = Duration::from_secs(3);

/// A process that a test started.
pub struct Process {
    name: String,
    child: Child,
    started: Instant,
    stdout: Collected,
    stderr: Collected,
}

/// What a process left behind.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Everything it printed.
    pub stdout: String,
    /// Everything it complained about.
    pub stderr: String,
    /// How long it ran: for lower bounds, and to show that it did not wait for what it should not.
    pub took: Duration,
}

impl Process {
    /// Start it, with nothing on its standard input.
    pub fn start(name: &str, command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdout = Collected::new(child.stdout.take());
        let stderr = Collected::new(child.stderr.take());
        Self {
            name: name.to_owned(),
            child,
            started: Instant::now(),
            stdout,
            stderr,
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Send it a signal. It may have ended: that is not for the sender to know.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ended = kill_process(pid, signal);
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be asked")
            .is_some()
    }

    /// What it has printed so far, standard output first.
    #[must_use]
    pub fn printed(&self) -> String {
        self.stdout.so_far() + &self.stderr.so_far()
    }

    /// Wait for its end, at most this long; then it is killed, and the test fails with all it printed.
    pub fn finish(mut self, limit: Duration) -> Finished {
        let deadline = self.started + limit;
        let mut late = false;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            if Instant::now() > deadline && !late {
                late = true;
                self.child.kill().expect("a child can be killed");
            }
            std::thread::sleep(LOOK_INTERVAL);
        };
        let took = self.started.elapsed();
        let stdout = self.stdout.finish();
        let stderr = self.stderr.finish();
        assert!(
            !late,
            "{} had not ended after {limit:?} and was killed\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
            self.name
        );
        Finished {
            code: status.code(),
            stdout,
            stderr,
            took,
        }
    }

    /// End it gently, or by force if that does not help.
    fn end(&mut self) {
        if self.has_ended() {
            return;
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + TERM_GRACE;
        while Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a child printed to one of its pipes so far, read on a thread of its own, so that the child never waits for the test.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Collected {
    fn new(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = bytes.clone();
        let thread = pipe.map(|mut pipe| {
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(read @ 1..) = pipe.read(&mut chunk) {
                    let read = chunk.get(..read).unwrap_or_default();
                    into.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .extend_from_slice(read);
                }
            })
        });
        Self { bytes, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned()
    }

    /// All of it, once the child has ended.
    fn finish(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
        self.so_far()
    }
}

/// Ask again and again until it is so, at most this long. For what another process does in its own time.
pub fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() {
        assert!(
            Instant::now() < deadline,
            "waited {limit:?} in vain for: {what}"
        );
        std::thread::sleep(LOOK_INTERVAL);
    }
}
