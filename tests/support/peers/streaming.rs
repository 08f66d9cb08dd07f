//! The streaming service that influencers and their fans talk to before a byte of video flows: accounts, tokens, alerts, servers that
//! take their time, watchers, and the redirect to where a stream is. It checks what it is sent, counts what it served, and fails
//! where a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::peers::http::{Then, respond};
use crate::peers::{HttpPeer, Seen};

/// Id of the only influencer who can sign in.
pub const INFLUENCER_ID: u64 = 1;
/// The influencer's name, which is that of the stream.
pub const USERNAME: &str = "star";
/// The influencer's e-mail address.
pub const EMAIL: &str = "star@e.com";
/// What the influencer signs in with.
pub const OAUTH_TOKEN: &str = "oauth-of-the-star";
/// What the service of streams wants in the header `key`.
pub const STREAMS_TOKEN: &str = "key-of-the-streams";
/// The code that new fans use.
pub const CODE: &str = "WELCOME";
/// Token of the influencer once signed in.
const INFLUENCER_TOKEN: &str = "token-of-the-star";
/// Where the e-mail addresses of known fans are.
pub const FANS_DOMAIN: &str = "example.org";
/// Ids of fans begin here.
const FIRST_FAN: u64 = 100;

/// What the service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The influencer signs in.
    SignInInfluencer,
    /// The influencer announces a stream.
    Alert,
    /// Asking how the influencer's servers are.
    Poll,
    /// Saying that the stream goes on.
    KeepAlive,
    /// A new fan signs up.
    SignUp,
    /// A known fan signs in.
    SignIn,
    /// A new fan uses a code.
    UseCode,
    /// The list of influencers.
    Marketplace,
    /// How a fan stands to influencers.
    Relation,
    /// Following one.
    Follow,
    /// Joining the watchers of a stream.
    Join,
    /// Leaving them.
    Leave,
    /// Where a stream is.
    Redirect,
    /// Anything else.
    Unknown,
}

/// A failure that a test switched on.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// This status, and no more.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// The answer comes after this time.
    Late(Duration),
    /// 200, and what is no JSON.
    Garbage,
}

/// How the service behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often the influencer asks before the servers are ready.
    pub polls: u32,
    /// What stands in a redirect: `rtmp://HOST:PORT/APP/_definst_`.
    pub base: String,
    /// Fans with accounts from the start: `testfanN` at [`FANS_DOMAIN`], from 1.
    pub known_fans: u64,
    /// Their password.
    pub password: String,
}

#[derive(Debug, Default)]
struct State {
    served: BTreeMap<Step, u64>,
    refused: BTreeMap<Step, u64>,
    /// For how many requests yet; the last request of all if `None`.
    faults: BTreeMap<Step, (Fault, Option<u32>)>,
    alerted: bool,
    polls: u32,
    streaming: bool,
    /// Password and id by e-mail address.
    fans: BTreeMap<String, (String, u64)>,
    watchers: BTreeSet<u64>,
    watchers_max: usize,
    followers: BTreeSet<u64>,
}

/// See the module.
pub struct StreamingPeer {
    peer: HttpPeer,
    state: Arc<Mutex<State>>,
}

/// A status and what stands in the body.
type Reply = (u16, Value);

impl StreamingPeer {
    /// Start it.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let mut state = State::default();
        for number in 1..=options.known_fans {
            let of = (options.password.clone(), FIRST_FAN + number);
            state
                .fans
                .insert(format!("testfan{number}@{FANS_DOMAIN}"), of);
        }
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let peer = HttpPeer::start(move |seen, stream| answer(&options, &shared, seen, stream));
        Self { peer, state }
    }

    /// Its address as a URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        self.peer.url("")
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// Fail this step, for so many requests, or from now on.
    pub fn fail(&self, step: Step, fault: Fault, times: Option<u32>) {
        lock(&self.state).faults.insert(step, (fault, times));
    }

    /// Requests that it served.
    #[must_use]
    pub fn served(&self, step: Step) -> u64 {
        lock(&self.state).served.get(&step).copied().unwrap_or(0)
    }

    /// Requests that it refused, those of a [`Fault`] among them.
    #[must_use]
    pub fn refused(&self, step: Step) -> u64 {
        lock(&self.state).refused.get(&step).copied().unwrap_or(0)
    }

    /// All that it refused.
    #[must_use]
    pub fn all_refused(&self) -> BTreeMap<Step, u64> {
        lock(&self.state).refused.clone()
    }

    /// Fans who are watching now, and the most there were at a time.
    #[must_use]
    pub fn watchers(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.watchers.len(), state.watchers_max)
    }

    /// Accounts of fans.
    #[must_use]
    pub fn accounts(&self) -> usize {
        lock(&self.state).fans.len()
    }

    /// Fans who follow the influencer.
    #[must_use]
    pub fn followers(&self) -> usize {
        lock(&self.state).followers.len()
    }

    /// All requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.peer.seen()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(options: &Options, state: &Mutex<State>, seen: &Seen, stream: &mut TcpStream) -> Then {
    let step = step_of(seen);
    match lock(state).fault(step) {
        Some(Fault::Status(status)) => {
            respond(stream, status, &[], b"{\"error\":\"as the test wants it\"}");
            return Then::Keep;
        }
        Some(Fault::Close) => return Then::Close,
        Some(Fault::Garbage) => {
            respond(stream, 200, &[], b"<html>not what you asked for</html>");
            return Then::Keep;
        }
        // Not under the lock.
        Some(Fault::Late(time)) => std::thread::sleep(time),
        None => {}
    }
    if step == Step::Redirect {
        *lock(state).served.entry(step).or_default() += 1;
        let smil = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<smil>\n  <head>\n    <meta base=\"{}\"/>\n  </head>\n  <body><switch><video src=\"{}\" system-bitrate=\"500000\"/></switch></body>\n</smil>\n",
            options.base,
            seen.path().rsplit('/').next().unwrap_or_default(),
        );
        let smil_type = [("content-type", "application/smil")];
        respond(stream, 200, &smil_type, smil.as_bytes());
        return Then::Keep;
    }
    let mut state = lock(state);
    let (status, body) = match state.reply(options, step, seen) {
        Ok(reply) => {
            *state.served.entry(step).or_default() += 1;
            reply
        }
        Err((status, error)) => {
            *state.refused.entry(step).or_default() += 1;
            (status, json!({ "error": error }))
        }
    };
    drop(state);
    let json_type = [("content-type", "application/json")];
    respond(stream, status, &json_type, body.to_string().as_bytes());
    Then::Keep
}

fn step_of(seen: &Seen) -> Step {
    let parts: Vec<&str> = seen.path().trim_start_matches('/').split('/').collect();
    match (seen.method.as_str(), parts.as_slice()) {
        ("POST", ["api", "v1", "influencers", "instagram_sign_in_or_up"]) => Step::SignInInfluencer,
        ("POST", ["api", "v1", "influencers", "relation"]) => Step::Relation,
        ("GET", ["api", "v1", "influencers", "general"]) => Step::Marketplace,
        ("POST", ["api", "v1", "influencers", _, "stream_alerts"]) => Step::Alert,
        ("POST", ["api", "v1", "influencers", _, "streamings"]) => Step::KeepAlive,
        ("GET", ["api", "v1", "influencers", _]) => Step::Poll,
        ("POST", ["api", "v1", "fans"]) => Step::SignUp,
        ("POST", ["api", "v1", "fans", "sign_in"]) => Step::SignIn,
        ("POST", ["api", "v1", "codes", "use"]) => Step::UseCode,
        ("POST", ["api", "v1", "fan_influencers"]) => Step::Follow,
        ("POST", ["streams", _, "watchers"]) => Step::Join,
        ("DELETE", ["streams", _, "watchers", _]) => Step::Leave,
        ("GET", ["redirect", _, _]) => Step::Redirect,
        _ => Step::Unknown,
    }
}

/// The part of the path at this place is the influencer's id.
fn of_influencer(seen: &Seen, place: usize) -> Result<(), (u16, &'static str)> {
    let id = seen.path().split('/').nth(place);
    if id == Some(INFLUENCER_ID.to_string().as_str()) {
        return Ok(());
    }
    Err((404, "no such influencer"))
}

fn has_token(seen: &Seen, header: &str, token: &str) -> Result<(), (u16, &'static str)> {
    if seen.header(header) == Some(token) {
        return Ok(());
    }
    Err((401, "no or a wrong token"))
}

fn fan_token(id: u64) -> String {
    format!("token-of-fan-{id}")
}

impl State {
    fn fault(&mut self, step: Step) -> Option<Fault> {
        let (fault, times) = self.faults.get_mut(&step)?;
        let fault = *fault;
        if let Some(times) = times {
            if *times == 0 {
                return None;
            }
            *times -= 1;
        }
        if !matches!(fault, Fault::Late(_)) {
            *self.refused.entry(step).or_default() += 1;
        }
        Some(fault)
    }

    fn reply(
        &mut self,
        options: &Options,
        step: Step,
        seen: &Seen,
    ) -> Result<Reply, (u16, &'static str)> {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or(Value::Null);
        match step {
            Step::SignInInfluencer | Step::Alert | Step::Poll | Step::KeepAlive => {
                self.for_influencer(options, step, seen, &body)
            }
            Step::SignUp | Step::SignIn => self.account(step, &body),
            Step::UseCode | Step::Marketplace | Step::Relation | Step::Follow => {
                self.for_fan(step, seen, &body)
            }
            Step::Join | Step::Leave => self.watcher(step, seen, &body),
            Step::Redirect | Step::Unknown => Err((404, "no such thing")),
        }
    }

    fn for_influencer(
        &mut self,
        options: &Options,
        step: Step,
        seen: &Seen,
        body: &Value,
    ) -> Result<Reply, (u16, &'static str)> {
        if step == Step::SignInInfluencer {
            let who = &body["influencer"];
            if who["email"] != EMAIL || who["oauth_token"] != OAUTH_TOKEN {
                return Err((401, "who is that?"));
            }
            let reply =
                json!({ "id": INFLUENCER_ID, "username": USERNAME, "token": INFLUENCER_TOKEN });
            return Ok((200, reply));
        }
        of_influencer(seen, 4)?;
        has_token(seen, "x-influencer-token", INFLUENCER_TOKEN)?;
        match step {
            Step::Alert => self.alerted = true,
            Step::KeepAlive => self.streaming = true,
            _ => {
                self.polls += u32::from(self.alerted);
                let ready = self.alerted && self.polls > options.polls;
                let origin = ready.then_some("127.0.0.1");
                let reply = json!({
                    "id": INFLUENCER_ID,
                    "username": USERNAME,
                    "origin_ip": origin,
                    "servers_status": { "servers_ready": ready },
                });
                return Ok((200, reply));
            }
        }
        Ok((200, json!({})))
    }

    fn account(&mut self, step: Step, body: &Value) -> Result<Reply, (u16, &'static str)> {
        let text = |name: &str| body["fan"][name].as_str();
        let (Some(email), Some(password)) = (text("email"), text("password")) else {
            return Err((422, "no e-mail address or no password"));
        };
        let known = self.fans.get(email);
        let (status, id) = if step == Step::SignUp {
            if known.is_some() || text("username").is_none() {
                return Err((422, "no name, or a taken one"));
            }
            let id = FIRST_FAN + self.fans.len() as u64;
            self.fans
                .insert(email.to_owned(), (password.to_owned(), id));
            (201, id)
        } else {
            match known {
                Some((right, id)) if right == password => (200, *id),
                _ => return Err((401, "nobody, or another password")),
            }
        };
        Ok((status, json!({ "id": id, "token": fan_token(id) })))
    }

    fn for_fan(
        &mut self,
        step: Step,
        seen: &Seen,
        body: &Value,
    ) -> Result<Reply, (u16, &'static str)> {
        let token = seen.header("x-fan-token").unwrap_or_default();
        let mut ids = self.fans.values().map(|(_, id)| *id);
        let Some(fan) = ids.find(|id| fan_token(*id) == token) else {
            return Err((401, "no or a wrong token"));
        };
        match step {
            Step::UseCode if seen.query("code_text") == Some(CODE) => Ok((200, json!({}))),
            Step::UseCode => Err((422, "no such code")),
            Step::Marketplace => {
                let all = json!([
                    { "id": INFLUENCER_ID, "username": USERNAME },
                    { "id": INFLUENCER_ID + 1, "username": "other" },
                ]);
                Ok((200, json!({ "influencers": all })))
            }
            Step::Relation => {
                let Some(asked) = body["influencers"].as_array() else {
                    return Err((422, "no list of influencers"));
                };
                let relations: Vec<Value> = asked
                    .iter()
                    .map(|id| json!({ "id": id, "following": self.followers.contains(&fan) }))
                    .collect();
                Ok((200, json!({ "relations": relations })))
            }
            _ if body["influencer_id"] == INFLUENCER_ID => {
                self.followers.insert(fan);
                Ok((201, json!({})))
            }
            _ => Err((422, "whom?")),
        }
    }

    fn watcher(
        &mut self,
        step: Step,
        seen: &Seen,
        body: &Value,
    ) -> Result<Reply, (u16, &'static str)> {
        of_influencer(seen, 2)?;
        has_token(seen, "key", STREAMS_TOKEN)?;
        if step == Step::Leave {
            let last = seen.path().rsplit('/').next();
            let id = last.and_then(|id| id.parse().ok());
            return if id.is_some_and(|id| self.watchers.remove(&id)) {
                Ok((200, json!({})))
            } else {
                Err((404, "no such watcher"))
            };
        }
        let Some(id) = body["id"].as_u64() else {
            return Err((422, "who?"));
        };
        if !self.streaming {
            return Err((404, "nothing to watch"));
        }
        self.watchers.insert(id);
        self.watchers_max = self.watchers_max.max(self.watchers.len());
        Ok((
            200,
            json!({ "originIp": "127.0.0.1", "influencerUsername": USERNAME }),
        ))
    }
}
