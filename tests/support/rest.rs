//! The simplest client of REST calls: one connection a call, HTTP/1.1, answers and streams of events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longest time an answer or a line of a stream may take: two busy cores compile a guest in seconds.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// A call of a server on this machine.
    #[must_use]
    pub fn new(port: u16, method: &str, path: &str) -> Self {
        Self {
            port,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("host".to_owned(), format!("127.0.0.1:{port}"))],
            body: Vec::new(),
        }
    }

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
