//! What is uploaded: too much, too slowly, too often, and what is no scenario.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use lt_tests::guests::{guest, scenario_for};

use super::{Busy, TOKEN};

const WASM: &str = "application/wasm";
/// Callers at a time, and how often each calls: a thousand in all.
const CALLERS: usize = 100;
const CALLS_OF_EACH: usize = 10;

#[test]
fn what_is_no_scenario_is_told_what_it_lacks() {
    let busy = Busy::start("");
    let served = &busy.served;
    let read = |name: &str| std::fs::read(guest(name)).expect("the guest can be read");
    let cases: [(&[u8], &str); 10] = [
        (b"", "not a WebAssembly component"),
        (b"#!/bin/sh\necho mine\n", "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "a core WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "another world"),
        (b"\0asm\x0d\0\x01\0\xff\xff", "not a valid component"),
        (&read("wasi_sockets"), "wasi:sockets/tcp"),
        (&read("limits_describe_loop"), "describe"),
        (&read("limits_describe_allocate"), "more memory"),
        (&read("limits_describe_many"), "number of its metrics"),
        (&read("limits_describe_panic"), "no words for it"),
    ];
    for (bytes, words) in cases {
        let answer = busy.refused(served.put("/v1/scenarios/bad", WASM, bytes), 422, "invalid");
        let problem = &answer.json()["error"]["problems"][0];
        let told = problem["message"].as_str().unwrap_or_default();
        assert!(told.contains(words), "{words} is not in {answer}");
        assert!(
            !problem["remedy"].as_str().unwrap_or_default().is_empty(),
            "{answer}"
        );
    }
    // Nothing of them is kept.
    busy.refused(served.get("/v1/scenarios/bad"), 404, "not_found");
    let good = read("timing_sleep");
    let digest = served.call("PUT", "/v1/scenarios/good").body(WASM, &good);
    let digest = digest.header("x-content-sha256", &"0".repeat(64));
    busy.refused(digest.send(), 422, "invalid");
    busy.refused(
        served.put("/v1/scenarios/good", "text/plain", &good),
        415,
        "unsupported_media_type",
    );
    let garbage = served.put(
        "/v1/scenarios/good",
        "multipart/form-data; boundary=x",
        b"--y\r\n\r\n--x--",
    );
    assert!([400, 422].contains(&garbage.status), "{garbage}");
    busy.refused(served.get("/v1/scenarios/good"), 404, "not_found");
    busy.undisturbed();
}

/// A call by hand: its head, and a function that sends the body.
fn by_hand(busy: &Busy, path: &str, headers: &str, send: impl FnOnce(&mut TcpStream)) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", busy.served.port())).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a time can be set");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: {WASM}\r\n{headers}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it is taken");
    send(&mut stream);
    let mut answer = Vec::new();
    // A connection that is cut after its answer is none of this test's business.
    let _cut = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_too_large_or_too_slow_is_cut_off() {
    let busy = Busy::start("");
    let announced = format!("content-length: {}", 1_u64 << 40);
    let answer = by_hand(&busy, "/v1/scenarios/large", &announced, |_| {});
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"too_large\""), "{answer}");
    // Not announced, but sent all the same.
    let answer = by_hand(
        &busy,
        "/v1/scenarios/large",
        "transfer-encoding: chunked",
        |stream| {
            let chunk = [b"100000\r\n".to_vec(), vec![0; 1 << 20], b"\r\n".to_vec()].concat();
            for _ in 0..200 {
                if stream.write_all(&chunk).is_err() {
                    return;
                }
            }
        },
    );
    assert!(
        answer.is_empty() || answer.contains("\"too_large\""),
        "{answer}"
    );
    // A byte, and then none: within the time that a body is given, it ends.
    let answer = by_hand(
        &busy,
        "/v1/scenarios/slow",
        "content-length: 100000",
        |stream| {
            stream.write_all(b"\0").expect("it is taken");
        },
    );
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"timeout\""), "{answer}");
    for name in ["large", "slow"] {
        let path = format!("/v1/scenarios/{name}");
        busy.refused(busy.served.get(&path), 404, "not_found");
    }
    busy.undisturbed();
}

#[test]
fn a_thousand_uploads_at_once_are_taken_or_refused_and_nothing_stays() {
    let busy = Busy::start("");
    let served = &busy.served;
    let wasm = std::fs::read(scenario_for("wasm32-wasip2", "http-get")).expect("it can be read");
    let mut counted = BTreeMap::<Option<u16>, usize>::new();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let wasm = &wasm;
                scope.spawn(move || {
                    let path = format!("/v1/scenarios/crowd-{}", number % 3);
                    let call = || served.call("PUT", &path).body(WASM, wasm);
                    let answers = (0..CALLS_OF_EACH).map(|_| call().try_send());
                    answers.collect::<Vec<_>>()
                })
            })
            .collect();
        for caller in callers {
            for answer in caller.join().expect("it called") {
                if let Some(answer) = &answer
                    && answer.status >= 300
                {
                    assert_eq!(answer.json()["error"]["code"], "too_many", "{answer}");
                    assert!(answer.header("retry-after").is_some(), "{answer}");
                }
                *counted
                    .entry(answer.map(|answer| answer.status))
                    .or_default() += 1;
            }
        }
    });
    let of = |status: Option<u16>| counted.get(&status).copied().unwrap_or(0);
    assert!(of(Some(201)) <= 3, "{counted:?}");
    assert!(of(Some(200)) + of(Some(201)) >= 1, "{counted:?}");
    assert!(
        of(Some(429)) >= 1,
        "the limit was never reached: {counted:?}"
    );
    // Whoever is refused while still sending may see its connection cut.
    let known = [Some(200), Some(201), Some(429), None].map(of);
    assert_eq!(
        known.iter().sum::<usize>(),
        CALLERS * CALLS_OF_EACH,
        "{counted:?}"
    );
    let listed = served.get("/v1/scenarios").expect(200).json();
    for scenario in listed["scenarios"].as_array().expect("a list") {
        assert_eq!(
            scenario["versions"], 1,
            "the same bytes are one version: {scenario}"
        );
    }
    busy.undisturbed();
}
