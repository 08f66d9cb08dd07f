//! The tests' own tools: what they start ends, and what they serve is what they say.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use lt_tests::nginx::Nginx;
use lt_tests::peers::http::ask;
use lt_tests::peers::{HttpPeer, closed_port};
use lt_tests::process::Process;

#[test]
fn nginx_serves_and_ends_with_its_value() {
    let Some(nginx) = Nginx::start() else { return };
    let port = nginx.plain_port();
    for (path, part) in [
        ("/small", "small"),
        ("/facts", "protocol=HTTP/1.1 method=GET"),
        ("/status/404", " 404 "),
        ("/cookie/set", "taste=plain"),
        ("/redirect/303", "/facts"),
        ("/br", "br"),
        ("/chunked", "the slow brown fox"),
    ] {
        let answer = ask(port, "GET", path);
        assert!(answer.contains(part), "{path}: {answer:.500}");
    }
    assert_eq!(nginx.access_log(7).len(), 7);
    drop(nginx);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "nginx goes on"
    );
}

#[test]
fn a_peer_remembers_and_ends_with_its_value() {
    let peer = HttpPeer::always("body");
    assert!(ask(peer.port(), "GET", "/a?b=c").ends_with("body"));
    let seen = peer.seen();
    assert_eq!((seen[0].path(), seen[0].query("b")), ("/a", Some("c")));
    let port = peer.port();
    drop(peer);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "the peer goes on"
    );
    assert!(TcpStream::connect(("127.0.0.1", closed_port())).is_err());
}

#[test]
fn a_process_that_hangs_is_killed_and_shown() {
    let process = Process::start(
        "sh",
        Command::new("sh").args(["-c", "echo before; exec sleep 600"]),
    );
    let (id, begun) = (process.id(), Instant::now());
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        process.finish(Duration::from_millis(300))
    }));
    let text = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("before") && text.contains("killed"), "{text}");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(
        !std::path::Path::new(&format!("/proc/{id}")).exists(),
        "it goes on"
    );
}

#[test]
fn a_process_ends_with_its_value() {
    let process = Process::start("sleep", Command::new("sleep").arg("600"));
    let id = process.id();
    drop(process);
    assert!(
        !std::path::Path::new(&format!("/proc/{id}")).exists(),
        "it goes on"
    );
}
