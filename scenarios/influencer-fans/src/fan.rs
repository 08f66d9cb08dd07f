//! Those that watch.

use lt_sdk::coordination::Throttle;
use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Error as RtmpError, Event, Happening, Play, Player};

use crate::air::{self, OnAir};
use crate::options::Options;
use crate::service::{Account, Service};
use crate::tally::{self, Streaming};
use crate::urls::{self, Fill};
use crate::{names, stream};

/// Name of their streams in the metrics.
const NAME: &str = "watch";

/// How often a fan that does not watch to the end looks whether it has seen enough.
const LOOK: Duration = Duration::from_secs(1);

/// The least pause before a fan that failed tries again, beside its turn: `ramp` may be nothing, and no server is to be knocked at in a loop.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Pauses of people, where they are asked for.
const AFTER_SIGN_UP: Duration = Duration::from_secs(3);
const AFTER_CODE: Duration = Duration::from_secs(5);
const AFTER_MARKETPLACE: Duration = Duration::from_secs(5);
const AFTER_FOLLOW: Duration = Duration::from_secs(1);

/// A fan at the service.
struct Member {
    account: Account,
    next: Next,
}

/// What a fan has to do next there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Code,
    Marketplace { then_follow: bool },
    Follow,
    Watch,
}

/// A fan.
pub(crate) struct Fan {
    options: Options,
    /// Id of the run, which new names follow from.
    run: String,
    is_new: bool,
    /// Opened here and kept: it counts the turns of all fans.
    turns: Throttle,
    member: Option<Member>,
    /// Whether it has begun, as the line at the end counts.
    counted: bool,
    /// Whether the line at the end counts its stream as established.
    established: bool,
    streaming: Streaming,
}

impl Fan {
    pub(crate) fn new(options: Options, run: String, is_new: bool) -> Result<Self> {
        Ok(Self {
            turns: Throttle::interarrival("influencer-fans turns", options.ramp)?,
            options,
            run,
            is_new,
            member: None,
            counted: false,
            established: false,
            streaming: Streaming::default(),
        })
    }

    /// Watch once: to the end of the run, for as long as a fan watches, or until it fails. Who failed takes its turn again behind the others.
    pub(crate) fn iterate(&mut self, it: &Iteration) -> Result<()> {
        let on_air = air::wait()?;
        self.turns.wait()?;
        if !std::mem::replace(&mut self.counted, true) {
            tally::session()?;
        }
        let done = self.session(&on_air, it.number);
        if user::should_stop() {
            // What ends with the run was established until then.
            return if done.is_ok() { done } else { Ok(()) };
        }
        match &done {
            Ok(()) => self.streaming.set(false)?,
            Err(_) => self.set_streaming(false)?,
        }
        if self.options.replace_fans {
            user::stop_self();
        } else if done.is_err() {
            stream::pause(AGAIN_AFTER)?;
        }
        done
    }

    fn session(&mut self, on_air: &OnAir, attempt: u64) -> Result<()> {
        let start = timing::now();
        let url = self.way(on_air, attempt)?;
        let shown = urls::public(&url);
        if urls::has_scheme(&url, &["http", "https"]) {
            let play = with(Player::http(&url), &self.options);
            let player = stream::counted(play.start(), NAME, &shown)?;
            let watched = self.watch(&player, &shown, start);
            player.stop();
            return watched;
        }
        let (connection, name) = stream::connect(&url, &shown, NAME, None)?;
        let play = with(connection.play(name), &self.options);
        let player = stream::counted(play.start(), NAME, &shown)?;
        let watched = self.watch(&player, &shown, start);
        player.stop();
        connection.close();
        watched
    }

    /// Where to watch: through the service, or straight from the settings.
    fn way(&mut self, on_air: &OnAir, attempt: u64) -> Result<String> {
        let filled = |url: &str, origin: &str, stream: &str| {
            let key = "";
            let with = Fill {
                origin,
                stream,
                key,
            };
            urls::fill(url, with)
        };
        if let Some(url) = &self.options.stream_url {
            let url = self.options.watch_url.as_ref().unwrap_or(url);
            return Ok(filled(url, "", &on_air.stream));
        }
        let mut member = match self.member.take() {
            Some(member) => member,
            None => self.sign(attempt)?,
        };
        let entered = self.enter(&mut member, on_air);
        let account = &self.member.insert(member).account;
        entered?;
        let service = Service::new(&self.options);
        let (origin, stream) = service.join(account, &on_air.id)?;
        match &self.options.watch_url {
            Some(url) => Ok(filled(url, &origin, &stream)),
            None => service.redirect(&origin, &stream),
        }
    }

    /// Sign in or up.
    fn sign(&self, attempt: u64) -> Result<Member> {
        let service = Service::new(&self.options);
        let prefix = &self.options.fan_prefix;
        let name = if self.is_new {
            names::new(prefix, &self.run, user::seed(), attempt)
        } else {
            let name = names::existing(prefix, user::id());
            if let Some(account) = service.sign_in_fan(&name)? {
                let next = Next::Marketplace { then_follow: false };
                return Ok(Member { account, next });
            }
            name
        };
        let account = service.sign_up_fan(&name)?;
        let next = Next::Code;
        Ok(Member { account, next })
    }

    /// Do what is left to do before watching. A step that failed is done again by the next attempt, with the same account.
    fn enter(&self, member: &mut Member, on_air: &OnAir) -> Result<()> {
        let service = Service::new(&self.options);
        let account = &member.account;
        loop {
            member.next = match member.next {
                Next::Code => {
                    self.think(AFTER_SIGN_UP)?;
                    if let Some(code) = &self.options.code {
                        service.use_code(account, code)?;
                        self.think(AFTER_CODE)?;
                    }
                    Next::Marketplace { then_follow: true }
                }
                Next::Marketplace { then_follow } => {
                    service.visit_marketplace(account)?;
                    self.think(AFTER_MARKETPLACE)?;
                    if then_follow {
                        Next::Follow
                    } else {
                        Next::Watch
                    }
                }
                Next::Follow => {
                    service.follow(account, &on_air.id)?;
                    self.think(AFTER_FOLLOW)?;
                    Next::Watch
                }
                Next::Watch => return Ok(()),
            };
        }
    }

    /// Watch until it has seen enough, the stream ends, or the run does. The host counts; the fan only hears when something changes, and looks
    /// then how the stream stands: of events the oldest are lost if there are many.
    fn watch(&mut self, player: &Player, shown: &str, start: Instant) -> Result<()> {
        let mut begun = false;
        loop {
            let event = match player.next_event(self.options.watch_time.map(|_| LOOK)) {
                Ok(event) => Some(event),
                Err(RtmpError::Timeout) => None,
                Err(RtmpError::Closed(close)) => return stream::ended(&close, NAME, shown),
                Err(error) => return Err(error.into()),
            };
            if user::should_stop() {
                return Ok(());
            }
            if let Some(Event {
                what: Happening::Ended(close),
                ..
            }) = &event
            {
                return stream::ended(close, NAME, shown);
            }
            let playback = player.statistics();
            if !begun && playback.first_frame.is_some() {
                begun = true;
                let watched_for = playback.elapsed;
                tally::time_to_watch((timing::now() - start).saturating_sub(watched_for))?;
            }
            self.set_streaming(playback.is_flowing())?;
            if self
                .options
                .watch_time
                .is_some_and(|enough| playback.media_time >= enough)
            {
                return Ok(());
            }
        }
    }

    fn set_streaming(&mut self, streaming: bool) -> Result<()> {
        self.streaming.set(streaming)?;
        if std::mem::replace(&mut self.established, streaming) != streaming {
            tally::established(streaming)?;
        }
        Ok(())
    }

    fn think(&self, time: Duration) -> Result<()> {
        if self.options.sleep_between_steps {
            stream::pause(time)?;
        }
        Ok(())
    }
}

/// What the settings say of every stream that is watched.
fn with<Source>(play: Play<Source>, options: &Options) -> Play<Source> {
    let play = play.name(NAME);
    let play = match options.stall_after {
        Some(stall_after) => play.stall_after(stall_after),
        None => play,
    };
    match options.lag_after {
        Some(lag_after) => play.lag_after(lag_after),
        None => play,
    }
}
