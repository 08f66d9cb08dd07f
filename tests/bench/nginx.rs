//! The server that all programs ask: nginx with one worker, which answers from its configuration.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lt_tests::certificates::Authority;
use lt_tests::peers::free_ports;
use lt_tests::temp::TempDir;

/// Time it gets to listen; it needs some milliseconds.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Connections at a time: those of the largest row, and room.
const CONNECTIONS_MAX: u32 = 18_000;

/// A running nginx. Ends with the value.
pub(crate) struct Nginx {
    child: Child,
    plain: u16,
    tls: u16,
    _directory: TempDir,
}

impl Nginx {
    /// Start it.
    pub(crate) fn start() -> Self {
        let directory = TempDir::new();
        let leaf = Authority::new("lt-bench authority").server(&["127.0.0.1"]);
        directory.write("leaf.pem", leaf.certificate);
        directory.write("leaf.key", leaf.key);
        let ports = free_ports(2);
        let (plain, tls) = (ports[0], ports[1]);
        let config = directory.write("nginx.conf", configuration(directory.path(), plain, tls));
        let mut child = Command::new(program())
            .args(["-g", "daemon off;", "-e", "stderr", "-c"])
            .arg(&config)
            .arg("-p")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("nginx is installed (remedy: make setup, or apt-get install nginx)");
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(("127.0.0.1", tls)).is_err() {
            let ended = child.try_wait().expect("a child can be asked");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "nginx does not listen: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            child,
            plain,
            tls,
            _directory: directory,
        }
    }

    /// What all programs ask for.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hello", self.plain)
    }

    /// Where it is, without a path: it answers every path alike.
    pub(crate) fn place(&self) -> String {
        format!("http://127.0.0.1:{}", self.plain)
    }

    /// The same over TLS.
    pub(crate) fn tls_url(&self) -> String {
        format!("https://127.0.0.1:{}/hello", self.tls)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends with the master only if the master is asked to.
        if let Some(pid) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            let _ended = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _reaped = self.child.wait();
    }
}

/// Debian keeps servers where not every user looks for programs.
fn program() -> &'static str {
    let there = "/usr/sbin/nginx";
    if Path::new(there).exists() {
        there
    } else {
        "nginx"
    }
}

fn configuration(directory: &Path, plain: u16, tls: u16) -> String {
    let directory = directory.display();
    let user = if rustix::process::getuid().is_root() {
        "user root;"
    } else {
        ""
    };
    format!(
        "{user}
worker_processes 1;
worker_rlimit_nofile {files};
pid {directory}/nginx.pid;
events {{ worker_connections {CONNECTIONS_MAX}; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  default_type text/plain;
  keepalive_requests 1000000000; keepalive_timeout 1h;
  server {{ listen 127.0.0.1:{plain} backlog=4096; location / {{ return 200 \"hello\\n\"; }} }}
  server {{
    listen 127.0.0.1:{tls} ssl backlog=4096; ssl_certificate leaf.pem; ssl_certificate_key leaf.key;
    location / {{ return 200 \"hello\\n\"; }}
  }}
}}
",
        files = CONNECTIONS_MAX + 1000,
    )
}
