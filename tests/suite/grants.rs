//! What scenarios of a served host may reach: by every protocol, however the target is written and whoever leads there. A refusal is an error
//! of the scenario that names the target, and nothing is dialled.

use lt_tests::peers::TcpPeer;
use lt_tests::peers::http::{HttpPeer, Then, respond};
use lt_tests::peers::proxy::ProxyPeer;
use lt_tests::results::Summary;
use lt_tests::{Served, Serving};
use serde_json::{Value, json};

/// The guest that tries.
const GUEST: &str = "grants_reach";
/// What a refusal says.
const REFUSED: &str = "--allow-target do not cover it";
/// Runs at a time: below what a host takes.
const TOGETHER: usize = 4;

/// A host that allows these, with the guest uploaded.
fn serve(patterns: &[String]) -> Served {
    let arguments: Vec<_> = patterns
        .iter()
        .map(|pattern| format!("--allow-target {pattern}"))
        .collect();
    let served = Serving::new().arguments(&arguments.join(" ")).start();
    served.upload_as(GUEST, GUEST);
    served
}

/// Try these, each in a run of one iteration; returns what each was told, nothing if it got there.
fn told(served: &Served, tries: &[(&str, String)], http: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for some in tries.chunks(TOGETHER) {
        let runs = some.iter().map(|(protocol, place)| {
            let mut spec = json!({
                "scenario": GUEST,
                "users": 1,
                "iterations": 1,
                "settings": {"protocol": protocol, "place": place},
            });
            if !http.is_null() {
                spec["http"] = http.clone();
            }
            served.start_run(&spec)
        });
        for run in runs.collect::<Vec<_>>() {
            served.wait_until(&run, "ended");
            let summary = Summary::read(&served.results(&run).join("summary.json"));
            all.push(summary.failure_texts("failure"));
        }
    }
    all
}

/// Every protocol, each on its way to this port of a host.
fn protocols(host: &str, port: u16) -> Vec<(&'static str, String)> {
    [
        ("http", "http://", "/"),
        ("http", "https://", "/"),
        ("http2", "http://", "/"),
        ("http2", "https://", "/"),
        ("websocket", "ws://", "/"),
        ("websocket", "wss://", "/"),
        ("rtmp", "rtmp://", "/live"),
        ("rtmp", "rtmps://", "/live"),
        ("flv", "http://", "/live/a.flv"),
        ("xmpp-address", "", ""),
        ("xmpp-websocket", "ws://", "/"),
    ]
    .into_iter()
    .map(|(protocol, scheme, path)| (protocol, format!("{scheme}{host}:{port}{path}")))
    .collect()
}

#[track_caller]
fn all_refused(tries: &[(&str, String)], told: &[String]) {
    assert_eq!(tries.len(), told.len());
    for (tried, told) in tries.iter().zip(told) {
        assert!(told.contains(REFUSED), "{tried:?} was told: {told}");
    }
}

#[test]
fn every_protocol_reaches_what_a_pattern_covers_and_nothing_else() {
    let mine = TcpPeer::start(|_, _| {});
    let other = TcpPeer::start(|_, _| {});
    let served = serve(&[format!("127.0.0.0/8:{}", mine.port())]);
    let tries = protocols("127.0.0.1", mine.port());
    for (tried, told) in tries.iter().zip(told(&served, &tries, &Value::Null)) {
        assert!(!told.contains(REFUSED), "{tried:?} was told: {told}");
    }
    assert!(
        mine.connections() >= tries.len(),
        "{} of {} got there",
        mine.connections(),
        tries.len()
    );
    let tries = protocols("127.0.0.1", other.port());
    all_refused(&tries, &told(&served, &tries, &Value::Null));
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_target_is_what_is_dialled_however_it_is_written() {
    let peer = TcpPeer::start(|_, _| {});
    let port = peer.port();
    // Not this machine's 127.0.0.1, but everything else that is written like it.
    let served = serve(&["127.0.0.2".to_owned(), "api.example.test".to_owned()]);
    let http = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0177.0.0.01:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://[64:ff9b::127.0.0.1]:{port}/"),
        format!("http://127.0.0.2@127.0.0.1:{port}/"),
        format!("http://api.example.test@localhost:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST.:{port}/"),
        format!("http://127。0。0。1:{port}/"),
    ];
    let mut tries: Vec<_> = http.into_iter().map(|url| ("http", url)).collect();
    // Names that no pattern has: they are refused, not unknown, for nobody was asked.
    tries.push(("http", "http://the-secret-is-42.example.com/".to_owned()));
    tries.push(("xmpp", "the-secret-is-42.example.com".to_owned()));
    tries.push((
        "rtmp",
        "rtmp://the-secret-is-42.example.com/live".to_owned(),
    ));
    all_refused(&tries, &told(&served, &tries, &Value::Null));
    assert_eq!(peer.connections(), 0);
}

#[test]
fn nobody_leads_past_the_patterns() {
    let forbidden = TcpPeer::start(|_, _| {});
    let elsewhere = forbidden.port();
    let allowed = HttpPeer::start(move |request, stream| {
        let scheme = request.query("scheme").unwrap_or("http").to_owned();
        let location = format!("{scheme}://127.0.0.1:{elsewhere}/there");
        respond(stream, 302, &[("location", location.as_str())], b"");
        Then::Close
    });
    let port = allowed.port();
    let served = serve(&[format!("127.0.0.1:{port}"), "mine.example.test".to_owned()]);
    let tries = [
        ("http", format!("http://127.0.0.1:{port}/")),
        ("http", format!("http://127.0.0.1:{port}/?scheme=https")),
        ("websocket", format!("ws://127.0.0.1:{port}/?scheme=ws")),
        (
            "xmpp-websocket",
            format!("ws://127.0.0.1:{port}/?scheme=ws"),
        ),
        ("flv", format!("http://127.0.0.1:{port}/live/a.flv")),
    ];
    all_refused(&tries, &told(&served, &tries, &Value::Null));
    assert_eq!(allowed.seen().len(), tries.len());
    // An allowed name that the run itself leads elsewhere.
    let overridden =
        json!({"host-overrides": [format!("mine.example.test=127.0.0.1:{elsewhere}")]});
    let tries = protocols("mine.example.test", 80);
    all_refused(&tries, &told(&served, &tries, &overridden));
    assert_eq!(forbidden.connections(), 0);
}

#[test]
fn a_proxy_is_a_target_and_no_way_to_others() {
    let target = HttpPeer::always("here");
    let other = TcpPeer::start(|_, _| {});
    let (mine, foreign) = (ProxyPeer::open(), ProxyPeer::open());
    let served = serve(&[
        format!("127.0.0.1:{}", target.port()),
        format!("127.0.0.1:{}", mine.port()),
    ]);
    let through = |proxy: &ProxyPeer| json!({"proxy": proxy.url()});
    let tries = [("http", target.url("/"))];
    assert_eq!(told(&served, &tries, &through(&mine)), [""]);
    assert_eq!(mine.seen().len(), 1);
    assert_eq!(target.seen().len(), 1);

    all_refused(&tries, &told(&served, &tries, &through(&foreign)));
    let mut tries = protocols("127.0.0.1", other.port());
    // HTTP/2 without TLS does not pass a proxy at all.
    tries.retain(|(protocol, place)| *protocol != "http2" || place.starts_with("https"));
    // The proxy would resolve it, out of the host's sight.
    tries.push(("http", "http://the-secret-is-42.example.com/".to_owned()));
    tries.push(("http", "https://the-secret-is-42.example.com/".to_owned()));
    all_refused(&tries, &told(&served, &tries, &through(&mine)));
    assert_eq!(mine.seen().len(), 1);
    assert_eq!((foreign.seen().len(), other.connections()), (0, 0));
}
