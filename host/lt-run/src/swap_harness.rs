//! A run of a real guest, with a server to speak to, that goes on until its test ends it: `make test` builds the guests first.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, LazyLock};
use std::thread::JoinHandle;

use lt_data::{DataSet, LocalShared};
use lt_runtime::{Engine, EngineOptions};
use lt_spec::{Machine, RawRun, registry, resolve};

use super::super::*;
use crate::{ChangeSeen, GeneratorLoad, RunOutcome, RunPlan, Tick, run};

/// How long a test waits for what must come: only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    Engine::new(&EngineOptions {
        users_max: 1000,
        ..EngineOptions::default()
    })
    .unwrap()
});

/// A guest of `tests/programs`.
pub(super) fn guest(name: &str) -> Scenario {
    let program = std::env::current_exe().unwrap();
    let target = program
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let file: PathBuf = target
        .unwrap()
        .join("wasm32-wasip2/release/examples")
        .join(format!("{name}.wasm"));
    let wasm = std::fs::read(&file);
    let wasm = wasm.unwrap_or_else(|error| panic!("{}: {error}: run `make test`", file.display()));
    ENGINE.load(&wasm).unwrap()
}

pub(super) fn swap_to(name: &str) -> Swap {
    Swap {
        scenario: guest(name),
        share: 1.0,
        drain: true,
        settings: BTreeMap::new(),
        rollback: None,
    }
}

/// Answers every request with 200, and keeps what was asked for.
pub(super) struct Peer {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    closed: Arc<AtomicBool>,
}

impl Peer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Self {
            url: format!("http://{address}"),
            asked: Arc::default(),
            closed: Arc::default(),
        };
        let (asked, closed) = (peer.asked.clone(), peer.closed.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let asked = asked.clone();
                std::thread::spawn(move || answer(stream, &asked));
            }
        });
        peer
    }

    /// Requests of this path, as their queries.
    pub(super) fn asked(&self, path: &str) -> Vec<String> {
        let start = format!("/{path}?");
        let asked = self.asked.lock().unwrap();
        let queries = asked.iter().filter_map(|url| url.strip_prefix(&start));
        queries.map(str::to_owned).collect()
    }

    /// Of each user, the version and number of each of its iterations, in order.
    pub(super) fn by_user(&self) -> BTreeMap<u64, Vec<(String, u64)>> {
        let mut users: BTreeMap<u64, Vec<(String, u64)>> = BTreeMap::new();
        for url in self.asked.lock().unwrap().iter() {
            let (path, query) = url.split_once('?').unwrap();
            if let Some(user) = value(query, "user").filter(|_| path != "/end") {
                let number = value(query, "number").unwrap().parse().unwrap();
                let of_user = users.entry(user.parse().unwrap()).or_default();
                of_user.push((path.to_owned(), number));
            }
        }
        users
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Whoever accepts looks once more.
        let _woken = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn answer(stream: TcpStream, asked: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut stream = stream;
    while let Some(Ok(first)) = lines.next() {
        let url = first.split(' ').nth(1).unwrap_or_default().to_owned();
        while let Some(Ok(line)) = lines.next()
            && !line.is_empty()
        {}
        asked.lock().unwrap().push(url);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

pub(super) fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// What a test sees of a run.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) versions: Vec<VersionSeen>,
    pub(super) swaps: Vec<SwapSeen>,
    pub(super) changes: Vec<ChangeSeen>,
    pub(super) users: u64,
    pub(super) iterations: u64,
}

impl Seen {
    pub(super) fn version(&self, version: &str) -> Option<&VersionSeen> {
        self.versions.iter().find(|seen| &*seen.version == version)
    }

    pub(super) fn stage(&self) -> Option<SwapStage> {
        self.swaps.first().map(|swap| swap.stage)
    }

    pub(super) fn is_complete(&self, version: &str) -> bool {
        let swap = self.swaps.first();
        swap.is_some_and(|swap| swap.stage == SwapStage::Complete && swap.to.starts_with(version))
    }
}

/// A run that goes on until a test stops it.
pub(super) struct Going {
    peer: Peer,
    pub(super) control: Control,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    thread: JoinHandle<RunOutcome>,
}

impl Going {
    /// Of version 1, with these options.
    pub(super) fn start(raw: RawRun) -> Self {
        let peer = Peer::start();
        let scenario = guest("swap_one");
        let raw = RawRun {
            settings: vec![format!("url={}", peer.url), "pause=5ms".to_owned()],
            graceful_stop: Some("60s".to_owned()),
            cores: Some("2".to_owned()),
            ..raw
        };
        let machine = Machine {
            memory_available_bytes: None,
            cores: 2,
            node: "here".to_owned(),
            seed: 7,
            run_id: "swapped".to_owned(),
        };
        let plan = RunPlan {
            spec: resolve(&raw, scenario.description(), &machine).unwrap(),
            registry: Arc::new(registry(scenario.description()).unwrap()),
            scenarios: vec![scenario],
            writers: Vec::new(),
            journals: Vec::new(),
            data: DataSet::default(),
            shared: LocalShared::open(None).unwrap(),
            probe: Box::new(GeneratorLoad::default),
            tracer: None,
            targets: None,
        };
        let control = Control::default();
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let (asked, shown) = (control.clone(), seen.clone());
        let thread =
            std::thread::spawn(move || run(plan, &asked, &mut |tick| show(&shown, tick)).unwrap());
        Self {
            peer,
            control,
            seen,
            thread,
        }
    }

    /// So many users that iterate again and again, beyond the time of any test.
    pub(super) fn users(users: u64) -> Self {
        Self::start(RawRun {
            users: Some(users.to_string()),
            duration: Some("1h".to_owned()),
            ..RawRun::default()
        })
    }

    /// Wait until this is so.
    pub(super) fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Seen {
        let (seen, changed) = &*self.seen;
        let guard = seen.lock().unwrap();
        let wait = changed.wait_timeout_while(guard, PATIENCE, |seen| !is_so(seen));
        let (seen, timeout) = wait.unwrap();
        let (versions, swaps) = (&seen.versions, &seen.swaps);
        assert!(
            !timeout.timed_out(),
            "never {what}: {versions:#?} {swaps:#?}"
        );
        seen.clone()
    }

    /// Wait until so many more iterations are done.
    pub(super) fn go_on(&self, iterations: u64) {
        let so_far = self.seen.0.lock().unwrap().iterations;
        self.until("more iterations", |seen| {
            seen.iterations >= so_far + iterations
        });
    }

    pub(super) fn swap(&self, swap: Swap) -> Result<(), SwapRefused> {
        self.control.swap(None, swap).blocking_recv().unwrap()
    }

    pub(super) fn roll_back(&self) -> Result<(), SwapRefused> {
        self.control.roll_back(None).blocking_recv().unwrap()
    }

    pub(super) fn end(self) -> (RunOutcome, Seen, Peer) {
        self.control.stop_gracefully();
        let outcome = self.thread.join().unwrap();
        let seen = self.seen.0.lock().unwrap().clone();
        (outcome, seen, self.peer)
    }
}

fn show((seen, changed): &(Mutex<Seen>, Condvar), tick: &Tick<'_>) {
    let mut seen = seen.lock().unwrap();
    seen.versions = tick.versions.to_vec();
    seen.swaps = tick.swaps.to_vec();
    seen.changes.extend_from_slice(tick.changes);
    seen.users = tick.users_active;
    seen.iterations = tick.iterations;
    changed.notify_all();
}

/// Each user's iterations have all been, one after the other.
pub(super) fn no_iteration_is_lost(peer: &Peer, users: usize) {
    let by_user = peer.by_user();
    assert_eq!(by_user.len(), users);
    for (user, iterations) in by_user {
        let numbers: Vec<u64> = iterations.iter().map(|(_, number)| *number).collect();
        let expected: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "of user {user}");
    }
}

pub(super) fn failures(outcome: &RunOutcome) -> u64 {
    use lt_metrics::FailureClass;
    FailureClass::ALL
        .iter()
        .map(|class| outcome.totals.failures(*class))
        .sum()
}
