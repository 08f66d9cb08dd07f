//! A real nginx with one worker: plain HTTP/1.1, HTTP/2 without TLS, and TLS servers with good and bad certificates.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::certificates::{Authority, Leaf, self_signed};
use crate::missing::skip;
use crate::peers::free_ports;
use crate::process::{Process, wait_until};
use crate::temp::TempDir;

/// Name of the program.
const PROGRAM: &str = "nginx";
/// Time nginx gets to listen; it needs some milliseconds.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Another process may take a port between our choice and nginx's bind: then it is tried again with other ports.
const START_ATTEMPTS: usize = 5;
/// Ports of one nginx, in the order of [`Ports`].
const PORTS: usize = 7;
/// Bytes of `/large`: more than any socket buffer, so that it takes several reads.
pub const LARGE_BYTES: usize = 5_000_000;
/// The text of the compressible pages, many times over.
pub const PHRASE: &str = "the quick brown fox jumps over the lazy dog\n";
/// How often [`PHRASE`] is in them: well over nginx's `gzip_min_length`.
pub const PHRASES: usize = 500;

/// A running nginx.
pub struct Nginx {
    directory: TempDir,
    process: Process,
    ports: Ports,
    /// Who signed its good certificates.
    pub authority: Authority,
}

/// One port a server.
#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    h2c: u16,
    tls: u16,
    expired: u16,
    wrong_name: u16,
    self_signed: u16,
    mutual: u16,
}

impl Nginx {
    /// Start it; `None`, with a word on standard error, where there is no nginx. In CI that is a failure.
    #[must_use]
    pub fn start() -> Option<Self> {
        if !is_there() {
            return None;
        }
        for _ in 0..START_ATTEMPTS {
            if let Some(nginx) = Self::try_start() {
                return Some(nginx);
            }
        }
        panic!("nginx did not start in {START_ATTEMPTS} attempts");
    }

    fn try_start() -> Option<Self> {
        let directory = TempDir::new();
        let authority = Authority::new("lt-tests authority");
        let ports = Ports::choose();
        write_certificates(&directory, &authority);
        write_pages(&directory);
        let config = directory.write("nginx.conf", configuration(directory.path(), ports));
        let process = launch(directory.path(), &config, &ports.all())?;
        Some(Self {
            directory,
            process,
            ports,
            authority,
        })
    }

    /// A URL on the plain server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.plain)
    }

    /// A URL on the server that speaks HTTP/2 without TLS.
    #[must_use]
    pub fn h2c_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.h2c)
    }

    /// A URL on the TLS server, HTTP/1.1 and HTTP/2 by ALPN. Its certificate is for localhost, 127.0.0.1 and shop.test.
    #[must_use]
    pub fn tls_url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.ports.tls)
    }

    /// Port of the TLS server.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.ports.tls
    }

    /// Port of the plain server.
    #[must_use]
    pub fn plain_port(&self) -> u16 {
        self.ports.plain
    }

    /// A URL on the server with an expired certificate.
    #[must_use]
    pub fn expired_url(&self) -> String {
        format!("https://127.0.0.1:{}/small", self.ports.expired)
    }

    /// A URL on the server with a certificate for another name.
    #[must_use]
    pub fn wrong_name_url(&self) -> String {
        format!("https://127.0.0.1:{}/small", self.ports.wrong_name)
    }

    /// A URL on the server with a certificate that vouches for itself.
    #[must_use]
    pub fn self_signed_url(&self) -> String {
        format!("https://127.0.0.1:{}/small", self.ports.self_signed)
    }

    /// A URL on the server that asks for a client certificate of [`Nginx::authority`].
    #[must_use]
    pub fn mutual_url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.ports.mutual)
    }

    /// Lines of its access log, each `CONNECTION CONNECTION_REQUESTS "REQUEST LINE" STATUS PROTOCOL`. nginx writes a line when
    /// the request has ended: ask for the number that is awaited.
    #[must_use]
    pub fn access_log(&self, lines_min: usize) -> Vec<String> {
        let path = self.directory.path().join("access.log");
        let read = || std::fs::read_to_string(&path).unwrap_or_default();
        wait_until("nginx's access log", START_LIMIT, || {
            read().lines().count() >= lines_min
        });
        read().lines().map(str::to_owned).collect()
    }

    /// Serve one more page.
    pub fn put(&self, name: &str, contents: &[u8]) {
        self.directory.write(&format!("pages/{name}"), contents);
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// Whether nginx is there; else a word on standard error. In CI that is a failure.
pub(crate) fn is_there() -> bool {
    let mut version = Command::new(PROGRAM);
    let there = version
        .env("PATH", search_path())
        .arg("-v")
        .output()
        .is_ok();
    if !there {
        skip(
            "nginx, which is not installed",
            "apt-get install nginx-light",
        );
    }
    there
}

/// Start it with this configuration, and wait until it listens on these ports. `None` if somebody else has one of them. What goes wrong
/// stands in `error.log` in its directory.
pub(crate) fn launch(directory: &Path, config: &Path, ports: &[u16]) -> Option<Process> {
    let log = directory.join("error.log");
    // Of an earlier start in the same place.
    let _absent = std::fs::remove_file(&log);
    let mut command = Command::new(PROGRAM);
    command.env("PATH", search_path());
    command
        .arg("-c")
        .arg(config)
        .arg("-e")
        .arg(&log)
        .arg("-g")
        .arg("daemon off;")
        .arg("-p")
        .arg(directory);
    let mut process = Process::start("nginx", &mut command);
    let mut ended = false;
    wait_until("nginx to listen", START_LIMIT, || {
        ended = process.has_ended();
        let mut listening = ports.iter();
        ended || listening.all(|&port| TcpStream::connect(("127.0.0.1", port)).is_ok())
    });
    if ended {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let said = process.printed();
        assert!(
            text.contains("Address already in use"),
            "nginx ended:\n{text}{said}"
        );
        return None;
    }
    Some(process)
}

/// `user root;` for a root: its workers would be `nobody`, who may not read a root's directory.
pub(crate) fn user_line() -> &'static str {
    if rustix::process::getuid().is_root() {
        "user root;"
    } else {
        ""
    }
}

/// Where programs are, with the place where Debian keeps servers: it is not on every user's path.
#[expect(
    clippy::disallowed_methods,
    reason = "the search path of a child process"
)]
fn search_path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

impl Ports {
    fn choose() -> Self {
        let free = free_ports(PORTS);
        Self {
            plain: free[0],
            h2c: free[1],
            tls: free[2],
            expired: free[3],
            wrong_name: free[4],
            self_signed: free[5],
            mutual: free[6],
        }
    }

    fn all(self) -> [u16; PORTS] {
        [
            self.plain,
            self.h2c,
            self.tls,
            self.expired,
            self.wrong_name,
            self.self_signed,
            self.mutual,
        ]
    }
}

fn write_certificates(directory: &TempDir, authority: &Authority) {
    let here = ["127.0.0.1", "localhost", "shop.test"];
    let leaves: [(&str, Leaf); 4] = [
        ("good", authority.server(&here)),
        ("expired", authority.expired_server(&here)),
        ("wrong_name", authority.server(&["elsewhere.test"])),
        ("self_signed", self_signed(&here)),
    ];
    for (name, leaf) in leaves {
        directory.write(&format!("{name}.pem"), leaf.certificate);
        directory.write(&format!("{name}.key"), leaf.key);
    }
    directory.write("authority.pem", authority.pem());
}

/// Static pages. nginx compresses gzip itself; br and zstd are compressed here and only labelled by nginx.
fn write_pages(directory: &TempDir) {
    let text = PHRASE.repeat(PHRASES);
    let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    deflated
        .write_all(text.as_bytes())
        .expect("memory can be written to");
    let mut brotli = Vec::new();
    brotli::BrotliCompress(
        &mut text.as_bytes(),
        &mut brotli,
        &brotli::enc::BrotliEncoderParams::default(),
    )
    .expect("memory can be written to");
    directory.write("pages/text.txt", &text);
    directory.write(
        "pages/text.deflate",
        deflated.finish().expect("memory can be written to"),
    );
    directory.write("pages/text.br", brotli);
    directory.write(
        "pages/text.zst",
        zstd::encode_all(text.as_bytes(), 3).expect("memory can be read"),
    );
    directory.write("pages/large", vec![b'x'; LARGE_BYTES]);
    directory.write("pages/small", "small\n");
    directory.write("pages/index.html", "<p>index</p>\n");
    std::fs::create_dir_all(directory.path().join("pages/store")).expect("a directory can be made");
}

/// The whole configuration.
fn configuration(directory: &Path, ports: Ports) -> String {
    let directory = directory.display();
    let user = user_line();
    let locations = LOCATIONS;
    let mut servers = String::new();
    for (listen, certificate, more) in [
        (format!("{}", ports.plain), None, ""),
        (format!("{} http2", ports.h2c), None, ""),
        (format!("{} ssl http2", ports.tls), Some("good"), ""),
        (format!("{} ssl", ports.expired), Some("expired"), ""),
        (format!("{} ssl", ports.wrong_name), Some("wrong_name"), ""),
        (
            format!("{} ssl", ports.self_signed),
            Some("self_signed"),
            "",
        ),
        (
            format!("{} ssl http2", ports.mutual),
            Some("good"),
            "ssl_client_certificate authority.pem; ssl_verify_client on;",
        ),
    ] {
        let tls = certificate.map_or_else(String::new, |name| {
            format!("ssl_certificate {name}.pem; ssl_certificate_key {name}.key; ssl_session_cache shared:tls:1m; ssl_protocols TLSv1.2 TLSv1.3;")
        });
        servers.push_str(&format!(
            "server {{ listen 127.0.0.1:{listen}; server_name _; {tls} {more}\nroot {directory}/pages;\n{locations}}}\n"
        ));
    }
    format!(
        "{user}
worker_processes 1;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  log_format lines '$connection $connection_requests \"$request\" $status $server_protocol';
  access_log {directory}/access.log lines;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  default_type text/plain;
  gzip_types text/plain; gzip_min_length 100;
  {servers}
}}
"
    )
}

/// What every server answers.
const LOCATIONS: &str = r#"
location = /facts { return 200 "protocol=$server_protocol method=$request_method host=$http_host agent=$http_user_agent cookie=$http_cookie accept-encoding=$http_accept_encoding from=$remote_addr\n"; }
location = /tls { return 200 "version=$ssl_protocol reused=$ssl_session_reused client=$ssl_client_s_dn name=$ssl_server_name\n"; }
location = /status/204 { return 204; }
location = /status/404 { return 404; }
location = /status/500 { return 500; }
location = /status/503 { return 503; }
location = /cookie/set { add_header Set-Cookie "taste=plain; Path=/"; add_header Set-Cookie "only=here; Path=/cookie"; return 200 "set\n"; }
location = /cookie/drop { add_header Set-Cookie "taste=gone; Path=/; Max-Age=0"; return 200 "dropped\n"; }
location = /cookie/show { return 200 "cookie=$http_cookie\n"; }
location = /redirect/301 { return 301 /facts; }
location = /redirect/302 { return 302 /facts; }
location = /redirect/303 { return 303 /facts; }
location = /redirect/307 { return 307 /store/moved; }
location = /redirect/308 { return 308 /store/moved; }
location = /redirect/cookie { add_header Set-Cookie "on=theway; Path=/" always; return 302 /cookie/show; }
location = /redirect/chain3 { return 302 /redirect/chain2; }
location = /redirect/chain2 { return 302 /redirect/chain1; }
location = /redirect/chain1 { return 302 /facts; }
location = /redirect/loop { return 302 /redirect/loop; }
location /store/ { dav_methods PUT DELETE; client_max_body_size 8m; create_full_put_path on; }
location = /gzip { gzip on; alias pages/text.txt; }
location = /br { add_header Content-Encoding br; default_type text/plain; alias pages/text.br; }
location = /deflate { add_header Content-Encoding deflate; alias pages/text.deflate; }
location = /zstd { add_header Content-Encoding zstd; alias pages/text.zst; }
location = /broken-gzip { add_header Content-Encoding gzip; alias pages/small; }
location = /chunked { sub_filter_types *; sub_filter quick slow; sub_filter_once off; alias pages/text.txt; }
location = /upgrade { proxy_pass http://127.0.0.1:$arg_port; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; }
location = /close { keepalive_timeout 0; return 200 "closed after this\n"; }
"#;
