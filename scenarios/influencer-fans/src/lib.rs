//! One influencer publishes a stream, many fans watch it. What the run measures is who lagged, stalled or never saw a frame, and how long the way
//! there took: through a streaming service with accounts, a marketplace and a redirect, or straight to a server.
//!
//! Straight to a server, `--set stream-url=rtmp://127.0.0.1:1935/live/stream` is all that it needs beside the file: `--asset video=video.flv`. With a
//! service the influencer signs in, has its followers alerted, waits until the servers are ready, and says every five minutes that it still streams;
//! the fans sign up (or in, if `--percent-new` says that they have an account), look at the marketplace, follow, join and leave the
//! watchers, and ask for the way.
//!
//! User 1 is the influencer, all others are fans: `--users 201` are 200 of them. The fans begin when the stream has stood for a while, one
//! behind the other. One that fails takes its turn again, and counts as not established until it watches. With `--executor churn` and
//! `replace-fans` another one comes in its place, as it does for one that has watched for its `watch-time`.
//!
//! `--steady 60s --deadline 5m` ends the run well once every user's stream has gone on as it should for a minute, and with 111 if that
//! does not come about. The last line on standard output is for programs:
//! `{"sessions":200,"established":198,"errors":{"422":{"http://127.0.0.1:8080/api/v1/fans":2}}}`. Sessions are fans that began, established are
//! those whose stream went on as it should when they left, or when the run ended.
//!
//! | metric | says |
//! |---|---|
//! | `streaming` | 1 while a user's stream goes on as it should: `--steady` looks at it |
//! | `sessions` | fans that began |
//! | `time_to_watch` | from a fan's first request to its first frame |
//! | `rtmp_lag`, `rtmp_stall_duration`, … with the tag `name` | `publish` is the influencer's stream, `watch` the fans' |

mod air;
mod fan;
mod influencer;
mod names;
mod options;
mod service;
mod smil;
mod stream;
mod tally;
mod urls;

use lt_sdk::prelude::*;

use fan::Fan;
use influencer::Influencer;
use options::Options;

const INFLUENCER: &str = "influencer";
const FAN: &str = "fan";

/// One user.
enum Visitor {
    Influencer(Box<Influencer>),
    Fan(Box<Fan>),
}

#[lt_sdk::scenario]
impl Scenario for Visitor {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        tally::declare(base)
            .role(INFLUENCER, "publishes the stream", Share::Count(1))
            .role(FAN, "signs in and watches it", Share::Weight(1))
            .asset(
                influencer::ASSET,
                "what the influencer publishes in a loop: an FLV file",
            )
            .users(11)
            .duration(Duration::from_secs(300))
    }

    /// The run's id is what users need: names of new accounts follow from it.
    fn init(run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.check()?;
        tally::forget()?;
        air::end()?;
        Ok(run.id.clone().into_bytes())
    }

    /// Nothing that may fail today and work tomorrow: who cannot join is gone for good.
    fn join(user: &User, options: Options, state: &[u8]) -> Result<Self> {
        if user.role == INFLUENCER {
            return Ok(Self::Influencer(Box::new(Influencer::new(options))));
        }
        let run = String::from_utf8_lossy(state).into_owned();
        Ok(Self::Fan(Box::new(Fan::new(options, run, user.is_new)?)))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        match self {
            Self::Influencer(influencer) => influencer.iterate(),
            Self::Fan(fan) => fan.iterate(&it),
        }
    }

    /// The line for programs; none if the run could not begin.
    fn terminate(state: &[u8]) -> Result<()> {
        if !state.is_empty() {
            log::conclude(&tally::conclusion()?);
        }
        tally::forget()?;
        air::end()
    }
}
