//! A host that says what a test wants it to say, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::exit::Exit;
use crate::process::testing::fake;

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `GET /v1/runs?limit=1`.
    pub(super) line: String,
    /// By names in small letters.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer.
pub(super) enum Said {
    /// A status and a document.
    Json(u16, Value),
    /// Events, and then the end of the connection.
    Events(String),
    /// Nothing: the connection is cut off.
    Nothing,
}

/// See the module. It listens as long as the test's process lives.
pub(super) struct FakeHost {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeHost {
    /// A host that answers with what `say` makes of a request.
    pub(super) fn start(say: impl Fn(&Asked) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in mid-request is not worth a test's end.
                if let Some(request) = read(&stream) {
                    noted.lock().unwrap().push(request.clone());
                    let _gone = answer(stream, say(&request));
                }
            }
        });
        Self { url, asked }
    }

    /// A host that has gone: nobody listens on its port any more.
    pub(super) fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            asked: Arc::default(),
        }
    }

    /// What it was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What it was asked with this at the beginning of its line.
    pub(super) fn asked_for(&self, line: &str) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.line.starts_with(line));
        asked
    }

    /// Run the program against it.
    pub(super) fn run(&self, arguments: &[&str]) -> (Exit, String, String) {
        self.run_with(arguments, &[])
    }

    /// The same with variables.
    pub(super) fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (Exit, String, String) {
        let (mut process, printed) = fake(arguments);
        process
            .arguments
            .extend(["--to", &self.url].map(Into::into));
        for (name, value) in variables {
            process
                .variables
                .insert((*name).to_owned(), (*value).to_owned());
        }
        let exit = crate::main(&mut process);
        (exit, printed.stdout.text(), printed.stderr.text())
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut asked = Asked::default();
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    asked.line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        asked
            .headers
            .insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = asked.headers.get("content-length");
    let length = length.map_or(0, |length| length.parse().unwrap());
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

fn answer(mut stream: TcpStream, said: Said) -> std::io::Result<()> {
    let (status, kind, body) = match said {
        Said::Json(204, _) => (204, "application/json", String::new()),
        Said::Json(status, document) => (status, "application/json", document.to_string()),
        Said::Events(events) => (200, "text/event-stream", events),
        Said::Nothing => return Ok(()),
    };
    // Without a length, the end of the connection is the end of the body.
    write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}
