//! A real `lt-host serve`, and a client of its REST calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::guests;
use crate::host::{LtHost, Running};
use crate::process::wait_until;
use crate::temp::TempDir;

/// Longest time a call, a line of a stream, or a state that is waited for may take: two busy cores compile a guest in seconds.
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
        let mut call = Call {
            port: self.port,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("host".to_owned(), format!("127.0.0.1:{}", self.port))],
            body: Vec::new(),
        };
        if let Some(token) = &self.serving.token {
            call = call.header("authorization", &format!("Bearer {token}"));
        }
        call
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

/// A call in the making.
#[derive(Clone, Debug)]
pub struct Call {
    port: u16,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// A header, in place of one of this name if there is one.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Without a header of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    /// A body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", content_type)
            .header("content-length", &body.len().to_string())
    }

    /// Make the call.
    #[must_use]
    #[track_caller]
    pub fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        self.try_send()
            .unwrap_or_else(|| panic!("{what}: no answer came"))
    }

    /// Make the call; `None` if no whole answer came, as while the host ends.
    #[must_use]
    pub fn try_send(self) -> Option<Answer> {
        let mut reader = self.begin()?;
        let (status, headers) = head(&mut reader)?;
        let mut body = Vec::new();
        let length = header(&headers, "content-length").and_then(|text| text.parse().ok());
        if header(&headers, "transfer-encoding") == Some("chunked") {
            while let Some(chunk) = chunk(&mut reader)? {
                body.extend(chunk);
            }
        } else if let Some(length) = length {
            body.resize(length, 0);
            reader.read_exact(&mut body).ok()?;
        } else {
            reader.read_to_end(&mut body).ok()?;
        }
        Some(Answer {
            call: format!("{} {}", self.method, self.path),
            status,
            headers,
            body,
        })
    }

    /// Make the call, and read events as they come.
    #[must_use]
    #[track_caller]
    pub fn stream(self) -> Events {
        let mut reader = self.begin().expect("the host listens");
        let (status, headers) = head(&mut reader).expect("an answer comes");
        assert_eq!(status, 200, "{} {}: {headers:?}", self.method, self.path);
        Events {
            is_chunked: header(&headers, "transfer-encoding") == Some("chunked"),
            reader,
            come: Vec::new(),
        }
    }

    fn begin(&self) -> Option<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        // A host that refuses a body may answer before it has taken it all: its answer is read all the same.
        let _refused = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&self.body));
        Some(BufReader::new(stream))
    }
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub struct Answer {
    call: String,
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Require a status; on another the answer is shown.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status, "not {status}: {self}");
        self
    }

    /// Require a refusal with this status and code.
    #[track_caller]
    pub fn expect_refused(self, status: u16, code: &str) -> Self {
        let told = self.expect(status);
        assert_eq!(told.json()["error"]["code"], code, "{told}");
        told
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Its body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            call,
            status,
            headers,
            ..
        } = self;
        write!(f, "{call}: {status} {headers:?}\n{:.4000}", self.text())
    }
}

/// A stream of server-sent events.
pub struct Events {
    reader: BufReader<TcpStream>,
    is_chunked: bool,
    /// What has come and was not told yet.
    come: Vec<u8>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What it is called.
    pub name: String,
    /// Its id; empty without one.
    pub id: String,
    /// What it says.
    pub data: String,
}

impl Event {
    /// What it says, as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Events {
    /// Read until an event of this name; `None` at the end of the stream.
    pub fn next_of(&mut self, name: &str) -> Option<Event> {
        self.find(|event| event.name == name)
    }

    fn more(&mut self) -> Option<()> {
        if self.is_chunked {
            self.come.extend(chunk(&mut self.reader)??);
            return Some(());
        }
        let read = self.reader.read_until(b'\n', &mut self.come).ok()?;
        (read > 0).then_some(())
    }

    /// What stands before the first empty line, if it has come.
    fn block(&mut self) -> Option<String> {
        let end = self.come.windows(2).position(|pair| pair == b"\n\n")?;
        let rest = self.come.split_off(end + 2);
        let block = std::mem::replace(&mut self.come, rest);
        Some(String::from_utf8_lossy(&block).into_owned())
    }
}

impl Iterator for Events {
    type Item = Event;

    /// The next event; comments are passed over. `None` at the end of the stream, or if nothing comes for long.
    fn next(&mut self) -> Option<Event> {
        loop {
            let Some(block) = self.block() else {
                self.more()?;
                continue;
            };
            let mut event = Event::default();
            for line in block.lines() {
                let (field, value) = line.split_once(':').unwrap_or((line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "event" => event.name = value.to_owned(),
                    "id" => event.id = value.to_owned(),
                    "data" if event.data.is_empty() => event.data = value.to_owned(),
                    "data" => event.data.push_str(&format!("\n{value}")),
                    _ => {}
                }
            }
            if event != Event::default() {
                return Some(event);
            }
        }
    }
}

type Headers = Vec<(String, String)>;

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name)?;
    Some(&found.1)
}

/// Status and headers, of the last answer: one that says to go on is no answer.
fn head(reader: &mut impl BufRead) -> Option<(u16, Headers)> {
    loop {
        let line = line(reader)?;
        let status: u16 = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self::line(reader)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status >= 200 {
            return Some((status, headers));
        }
    }
}

/// A line without its end; `None` at the end of the connection.
fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A chunk of a body: `None` if the connection broke, `Some(None)` after the last.
#[expect(
    clippy::option_option,
    reason = "a body that breaks off is not one that ends"
)]
fn chunk(reader: &mut impl BufRead) -> Option<Option<Vec<u8>>> {
    let size = line(reader)?;
    let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
    let mut bytes = vec![0; size];
    reader.read_exact(&mut bytes).ok()?;
    line(reader)?;
    Some((size > 0).then_some(bytes))
}
