//! A real nginx with the RTMP module: applications of several kinds, recorded files to play, and its own counts to hold lt-host's to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::missing::skip;
use crate::nginx::{is_there, launch, user_line};
use crate::peers::free_ports;
use crate::peers::http::ask;
use crate::process::{Process, wait_until};
use crate::temp::TempDir;

/// Where Debian puts the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
/// Another process may take a port between our choice and nginx's bind: then it is tried again with other ports.
const START_ATTEMPTS: usize = 5;
/// Time that what a client did gets to be seen in its counts.
const COUNTS_LIMIT: Duration = Duration::from_secs(30);

/// What differs from one server to the next.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it asks over HTTP whether somebody may publish or play in the application `guarded`; nobody may without.
    pub callback: Option<String>,
    /// Size of its chunks in bytes.
    pub chunk_bytes: u32,
    /// More directives for all applications.
    pub more: &'static str,
    /// Clients it takes.
    pub connections: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            callback: None,
            chunk_bytes: 4096,
            more: "",
            connections: 2048,
        }
    }
}

/// A running nginx with the RTMP module. Its applications:
///
/// - `live`: whoever plays what nobody publishes waits
/// - `strict`: it is told that there is no such stream, and players end with their publisher (`idle_streams off`)
/// - `notify`: players are told of publishers who come and go (`publish_notify`, `play_restart`)
/// - `key`: players get nothing before a key frame (`wait_key`, `wait_video`)
/// - `meta`: metadata is passed on as it comes (`meta copy`)
/// - `record`: what is published is written to a file: [`NginxRtmp::recorded`]
/// - `vod`: files put there with [`NginxRtmp::put`] can be played, paused and sought in
/// - `guarded`: [`Options::callback`] is asked
pub struct NginxRtmp {
    directory: TempDir,
    /// `None` while it is stopped.
    process: Option<Process>,
    rtmp: u16,
    http: u16,
}

impl NginxRtmp {
    /// Start it; `None`, with a word on standard error, where there is none. In CI that is a failure.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&Options::default())
    }

    /// Start it in another way.
    #[must_use]
    pub fn start_with(options: &Options) -> Option<Self> {
        if !is_there() {
            return None;
        }
        if !Path::new(MODULE).is_file() {
            skip(
                "nginx's RTMP module, which is not installed",
                "apt-get install libnginx-mod-rtmp",
            );
            return None;
        }
        for _ in 0..START_ATTEMPTS {
            let ports = free_ports(2);
            let directory = TempDir::new();
            for name in ["vod", "recorded"] {
                std::fs::create_dir_all(directory.path().join(name))
                    .expect("a directory can be made");
            }
            let text = configuration(directory.path(), ports[0], ports[1], options);
            let config = directory.write("nginx.conf", text);
            if let Some(process) = launch(directory.path(), &config, &ports) {
                return Some(Self {
                    directory,
                    process: Some(process),
                    rtmp: ports[0],
                    http: ports[1],
                });
            }
        }
        panic!("nginx did not start in {START_ATTEMPTS} attempts");
    }

    /// The port that speaks RTMP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.rtmp
    }

    /// The URL of an application.
    #[must_use]
    pub fn url(&self, application: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{application}", self.rtmp)
    }

    /// The URL of a stream, as ffmpeg and rtmpdump take it.
    #[must_use]
    pub fn stream_url(&self, application: &str, stream: &str) -> String {
        format!("{}/{stream}", self.url(application))
    }

    /// Its process id: it is one process.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Put a file where `vod` plays from.
    pub fn put(&self, name: &str, file: &Path) {
        let to = self.directory.path().join("vod").join(name);
        std::fs::copy(file, to).expect("a file can be copied");
    }

    /// What was recorded of a stream of `record`; it is whole when its publisher has gone.
    #[must_use]
    pub fn recorded(&self, stream: &str) -> PathBuf {
        self.directory
            .path()
            .join("recorded")
            .join(format!("{stream}.flv"))
    }

    /// What it complained about.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }

    /// How a stream stands there; `None` if nobody publishes or plays it.
    #[must_use]
    pub fn stream(&self, application: &str, stream: &str) -> Option<Stream> {
        let text = ask(self.http, "GET", "/stat");
        let (_, behind) = text.split_once(&format!("<name>{application}</name>"))?;
        let (application, _) = behind.split_once("</application>")?;
        let (_, behind) = application.split_once(&format!("<stream>\r\n<name>{stream}</name>"))?;
        let (found, _) = behind.split_once("</stream>")?;
        let publishers = found.matches("<publishing/>").count();
        // One more where the stream itself says that it is published.
        let is_published = publishers > 0;
        let clients = found.matches("<client>").count();
        Some(Stream {
            is_published,
            players: clients.saturating_sub(usize::from(is_published)),
            bytes_in: number(found, "bytes_in"),
            bytes_out: number(found, "bytes_out"),
        })
    }

    /// Wait until a stream stands as it should.
    #[track_caller]
    pub fn await_stream(
        &self,
        what: &str,
        application: &str,
        stream: &str,
        mut is_so: impl FnMut(Option<Stream>) -> bool,
    ) {
        wait_until(what, COUNTS_LIMIT, || {
            is_so(self.stream(application, stream))
        });
    }

    /// Wait until somebody publishes a stream.
    #[track_caller]
    pub fn await_publisher(&self, application: &str, stream: &str) {
        self.await_stream("a publisher", application, stream, |found| {
            found.is_some_and(|found| found.is_published)
        });
    }

    /// Wait until so many play a stream.
    #[track_caller]
    pub fn await_players(&self, application: &str, stream: &str, players: usize) {
        let what = format!("{players} players");
        self.await_stream(&what, application, stream, |found| {
            found.map_or(0, |found| found.players) == players
        });
    }

    /// Throw whoever publishes a stream out: its connection is closed.
    pub fn drop_publisher(&self, application: &str, stream: &str) {
        self.control("publisher", application, stream);
    }

    /// Throw all who play a stream out.
    pub fn drop_players(&self, application: &str, stream: &str) {
        self.control("subscriber", application, stream);
    }

    fn control(&self, whom: &str, application: &str, stream: &str) {
        let path = format!("/control/drop/{whom}?app={application}&name={stream}");
        let answer = ask(self.http, "POST", &path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }

    /// End it: all connections end with it.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// End it as a crash does.
    pub fn kill(&mut self) {
        if let Some(process) = &self.process {
            process.signal(Signal::KILL);
        }
        self.process = None;
    }

    /// Start it again, at the same place.
    pub fn start_again(&mut self) {
        let directory = self.directory.path();
        let config = directory.join("nginx.conf");
        let process = launch(directory, &config, &[self.rtmp, self.http]);
        self.process = Some(process.expect("nobody took the port meanwhile"));
    }
}

/// How a stream stands, as nginx counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Whether somebody publishes it.
    pub is_published: bool,
    /// How many play it.
    pub players: usize,
    /// Bytes that its publishers sent.
    pub bytes_in: u64,
    /// Bytes that its players were sent.
    pub bytes_out: u64,
}

/// The number in the first element of this name.
fn number(xml: &str, name: &str) -> u64 {
    let open = format!("<{name}>");
    let behind = xml.split_once(&open).map_or("", |(_, behind)| behind);
    let digits = behind.split('<').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// The whole configuration. One process, so that a signal to it reaches who serves.
fn configuration(directory: &Path, rtmp: u16, http: u16, options: &Options) -> String {
    let user = user_line();
    let Options {
        callback,
        chunk_bytes,
        more,
        connections,
    } = options;
    let guard = callback.as_ref().map_or_else(
        || "deny publish all; deny play all;".to_owned(),
        |url| format!("on_publish {url}/publish; on_play {url}/play; notify_method post;"),
    );
    let mut applications = String::new();
    let record = format!(
        "live on; record all; record_path {}/recorded; record_unique off;",
        directory.display()
    );
    let vod = format!("play {}/vod;", directory.display());
    let guarded = format!("live on; {guard}");
    for (name, lines) in [
        ("live", "live on;"),
        ("strict", "live on; idle_streams off;"),
        ("notify", "live on; publish_notify on; play_restart on;"),
        ("key", "live on; wait_key on; wait_video on;"),
        ("meta", "live on; meta copy;"),
        ("record", &record),
        ("vod", &vod),
        ("guarded", &guarded),
    ] {
        applications.push_str(&format!("application {name} {{ {lines} {more} }}\n"));
    }
    let directory = directory.display();
    format!(
        "load_module {MODULE};
{user}
master_process off;
pid {directory}/nginx.pid;
events {{ worker_connections {connections}; }}
rtmp {{
  access_log off;
  server {{
    listen 127.0.0.1:{rtmp};
    chunk_size {chunk_bytes};
    {applications}
  }}
}}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{http};
    location /stat {{ rtmp_stat all; }}
    location /control {{ rtmp_control all; }}
  }}
}}
"
    )
}
