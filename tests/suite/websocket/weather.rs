//! A server that goes away under a thousand users, and comes back.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lt_tests::LtHost;
use lt_tests::peers::http::respond;
use lt_tests::peers::websocket::{frame, opcode, upgrade};
use lt_tests::peers::{Seen, WebSocketPeer};
use lt_tests::process::wait_until;

const USERS: usize = 1000;

/// A server that echoes, and can be switched off.
#[derive(Clone, Default)]
struct Weather {
    is_down: Arc<AtomicBool>,
    /// Connections that were upgraded, by number.
    open: Arc<Mutex<BTreeMap<usize, TcpStream>>>,
    /// When each upgrade was asked for.
    asked: Arc<Mutex<Vec<Instant>>>,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Weather {
    fn server(&self) -> WebSocketPeer {
        let (answering, talking) = (self.clone(), self.clone());
        WebSocketPeer::answering(
            move |seen, stream| answering.answer(seen, stream),
            move |seen, wire| {
                wire.echo();
                lock(&talking.open).remove(&seen.connection);
            },
        )
    }

    fn answer(&self, seen: &Seen, stream: &mut TcpStream) -> bool {
        lock(&self.asked).push(Instant::now());
        let mut open = lock(&self.open);
        if self.is_down.load(Ordering::SeqCst) {
            // Half of them meet the proxy in front of it, the others nobody.
            if seen.connection.is_multiple_of(2) {
                respond(stream, 503, &[], b"down");
            }
            return false;
        }
        open.insert(seen.connection, stream.try_clone().unwrap());
        upgrade(seen, stream, &[]);
        true
    }

    /// Be gone: all connections end at once, every other with the advice to come back later. Returns how many there were.
    fn go_down(&self) -> usize {
        let mut open = lock(&self.open);
        self.is_down.store(true, Ordering::SeqCst);
        let advice = [&1012_u16.to_be_bytes()[..], b"restarting"].concat();
        let advice = frame(true, opcode::CLOSE, &advice);
        for (connection, stream) in open.iter_mut() {
            let _gone = if connection.is_multiple_of(2) {
                stream.write_all(&advice)
            } else {
                stream.shutdown(Shutdown::Both)
            };
        }
        let count = open.len();
        open.clear();
        count
    }

    fn come_back(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }
}

/// The most of these that fall into a twentieth of this time.
fn most_at_once(times: &[Instant], within: Duration) -> usize {
    let mut buckets = BTreeMap::new();
    for time in times {
        let bucket = time.duration_since(times[0]).as_nanos() * 20 / within.as_nanos();
        *buckets.entry(bucket).or_insert(0_usize) += 1;
    }
    buckets.into_values().max().unwrap_or(0)
}

#[test]
fn heavy_a_thousand_users_who_lose_their_server_come_back_one_by_one() {
    const SPREAD: Duration = Duration::from_secs(2);
    let weather = Weather::default();
    let peer = weather.server();
    let mut running = LtHost::run("websocket_reconnect")
        .set("url", peer.url("/"))
        .set("base", "2s")
        .set("longest", "2s")
        .set("pause", "200ms")
        .arguments("--cores 2 --duration 60s --graceful-stop 30s --users")
        .argument(USERS.to_string())
        .start();
    let all_there = || lock(&weather.open).len() == USERS;
    let limit = Duration::from_secs(30);
    wait_until("all users to be there", limit, all_there);
    let before = lock(&weather.asked).len();
    let gone = weather.go_down();
    assert_eq!(gone, USERS);
    std::thread::sleep(Duration::from_secs(2));
    weather.come_back();
    wait_until("all users to be back", limit, all_there);
    assert!(!running.has_ended());
    running.interrupt();
    let ran = running.finish().expect_code(105);
    let summary = ran.summary();
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
    // Whoever was lost is counted, and is back.
    for counter in ["lost", "reconnected"] {
        assert_eq!(summary.count(counter), USERS as u64, "{counter}\n{ran}");
    }
    assert_eq!(summary.count("ws_sessions"), 2 * USERS as u64, "{ran}");
    let asked = lock(&weather.asked).clone();
    let attempts = (asked.len() - before) as u64;
    let connects = summary.value("ws_connecting", "count");
    assert_eq!(connects, Some(asked.len() as f64), "{ran}");
    // The server was away for as long as the longest pause: most tried in vain first.
    assert!(attempts > USERS as u64, "{attempts} attempts\n{ran}");
    let failed = summary.value("ws_connect_failed", "rate").unwrap();
    let expected = (attempts - USERS as u64) as f64 / asked.len() as f64;
    assert!(
        (failed - expected).abs() < 1e-6,
        "{failed}, not {expected}\n{ran}"
    );
    // Sessions that were cut, beside those that were told and those that the end of the run closed.
    let failed = summary.value("ws_session_failed", "rate");
    assert_eq!(failed, Some(0.25), "{ran}");
    // They did not come back together: on average a twentieth of them would fall into one of the buckets.
    let first = &asked[before..before + USERS];
    let most = most_at_once(first, SPREAD);
    assert!(most < USERS / 3, "{most} attempts at once\n{ran}");
}
