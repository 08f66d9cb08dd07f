//! A real `lt-host serve`, with what tests ask of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::guests;
use crate::host::{LtHost, Running};
use crate::process::wait_until;
pub use crate::rest::{Answer, Call, Event, Events};
use crate::temp::TempDir;

/// Longest time a state that is waited for may take: two busy cores compile a guest in seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Name of the data directory in its working directory.
const DATA: &str = "data";

/// An `lt-host serve` in the making.
pub struct Serving {
    directory: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    token: Option<String>,
}

impl Default for Serving {
    fn default() -> Self {
        Self::new()
    }
}

impl Serving {
    /// With nothing but a free port of the loopback interface and a data directory of its own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            directory: TempDir::new(),
            arguments: Vec::new(),
            variables: Vec::new(),
            token: None,
        }
    }

    /// More arguments, as one would type them: split at blanks.
    #[must_use]
    pub fn arguments(mut self, arguments: &str) -> Self {
        let words = arguments.split_whitespace().map(str::to_owned);
        self.arguments.extend(words);
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Callers must show this token; the client of [`Served`] does.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self.variable("LT_TOKEN", token)
    }

    /// A file in its working directory.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        self.directory.write(name, contents)
    }

    /// Start it, and wait until it listens.
    #[must_use]
    pub fn start(self) -> Served {
        let mut served = Served {
            running: None,
            port: 0,
            scheme: "http".to_owned(),
            serving: self,
        };
        served.restart();
        served
    }
}

/// A host under way. Ends with the value, by its process id; what it printed is shown if the test fails.
pub struct Served {
    running: Option<Running>,
    port: u16,
    scheme: String,
    serving: Serving,
}

impl Served {
    /// A host with nothing special.
    #[must_use]
    pub fn start() -> Self {
        Serving::new().start()
    }

    /// Start it again on the same data: after [`kill9`](Self::kill9) or [`end`](Self::end), or it is ended first.
    pub fn restart(&mut self) {
        if self.running.is_some() {
            self.end();
        }
        let mut host = LtHost::new(&["serve", "--listen", "127.0.0.1:0", "--data-dir", DATA]);
        for argument in &self.serving.arguments {
            host = host.argument(argument);
        }
        for (name, value) in &self.serving.variables {
            host = host.variable(name, value);
        }
        let mut running = host.start_in(self.serving.directory.path());
        let url = running.wait_for_text("listening on ").trim().to_owned();
        let (scheme, place) = url.split_once("://").expect("a URL is told");
        self.scheme = scheme.to_owned();
        let (_, port) = place.rsplit_once(':').expect("its port is told");
        self.port = port.trim_end_matches('/').parse().expect("a port");
        self.running = Some(running);
    }

    /// End it as Ctrl-C does, and wait for that.
    pub fn end(&mut self) {
        self.stop_by(Signal::INT);
    }

    /// End it as a crash does, in the middle of whatever it does.
    pub fn kill9(&mut self) {
        self.stop_by(Signal::KILL);
    }

    fn stop_by(&mut self, signal: Signal) {
        let mut running = self.running.take().expect("it was started");
        running.signal(signal);
        wait_until("the host's end", PATIENCE, || running.has_ended());
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running().id()
    }

    /// The port it listens on; another one after each start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A URL of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)
    }

    /// Its working directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.serving.directory.path()
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory().join(DATA)
    }

    /// The results of a run.
    #[must_use]
    pub fn results(&self, run: &str) -> PathBuf {
        self.data().join("runs").join(run)
    }

    /// The process, for what this does not know.
    #[must_use]
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    /// A call in the making, with the token if there is one.
    #[must_use]
    pub fn call(&self, method: &str, path: &str) -> Call {
        let call = Call::new(self.port, method, path);
        match &self.serving.token {
            Some(token) => call.header("authorization", &format!("Bearer {token}")),
            None => call,
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send()
    }

    /// `POST` of JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path).json(body).send()
    }

    /// `PATCH` of JSON.
    #[must_use]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call("PATCH", path).json(body).send()
    }

    /// `PUT` of bytes.
    #[must_use]
    pub fn put(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        self.call("PUT", path).body(content_type, body).send()
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send()
    }

    /// Upload a guest as a scenario of this name; returns the scenario.
    #[track_caller]
    pub fn upload_as(&self, name: &str, guest: &str) -> Value {
        let bytes = std::fs::read(guests::guest(guest)).expect("the guest can be read");
        let answer = self.put(&format!("/v1/scenarios/{name}"), "application/wasm", &bytes);
        assert!(
            [200, 201].contains(&answer.status),
            "upload of {guest}: {answer}"
        );
        answer.json()
    }

    /// The same under the guest's own name, with hyphens.
    #[track_caller]
    pub fn upload(&self, guest: &str) -> Value {
        self.upload_as(&guest.replace('_', "-"), guest)
    }

    /// Start a run; returns its id.
    #[track_caller]
    pub fn start_run(&self, spec: &Value) -> String {
        let run = self.post("/v1/runs", spec).expect(201).json();
        run["id"].as_str().expect("a run has an id").to_owned()
    }

    /// A run as it stands.
    #[must_use]
    #[track_caller]
    pub fn run(&self, id: &str) -> Value {
        self.get(&format!("/v1/runs/{id}")).expect(200).json()
    }

    /// Wait until a run is so; returns it. On failure the run is shown.
    #[track_caller]
    pub fn wait_for_run(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut run = Value::Null;
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            run = match self.call("GET", &format!("/v1/runs/{id}")).try_send() {
                Some(answer) => answer.expect(200).json(),
                None => run,
            };
            if is_so(&run) {
                return run;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "run {id}: waited in vain for: {what}\n{run:#}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Wait until a run is in this state.
    #[track_caller]
    pub fn wait_until(&self, id: &str, state: &str) -> Value {
        self.wait_for_run(id, state, |run| run["state"] == state)
    }

    /// Stop a run and wait for its end; returns it.
    #[track_caller]
    pub fn stop_run(&self, id: &str) -> Value {
        let answer = self.post(&format!("/v1/runs/{id}/stop"), &json!({}));
        assert!([200, 202].contains(&answer.status), "{answer}");
        self.wait_until(id, "ended")
    }

    /// The newest snapshots of a run, up to a thousand.
    #[must_use]
    #[track_caller]
    pub fn snapshots(&self, id: &str) -> Vec<Value> {
        let told = self
            .get(&format!("/v1/runs/{id}/snapshots"))
            .expect(200)
            .json();
        told["snapshots"].as_array().expect("a list").clone()
    }

    /// A stream of server-sent events.
    #[must_use]
    #[track_caller]
    pub fn events(&self, path: &str) -> Events {
        self.call("GET", path)
            .header("accept", "text/event-stream")
            .stream()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(running) = &self.running
        {
            eprintln!("--- lt-host serve printed\n{}", running.printed());
        }
    }
}
