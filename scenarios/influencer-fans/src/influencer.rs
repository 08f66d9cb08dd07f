//! The one that publishes.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Broadcast, Error as RtmpError, Happening, Publisher};
use lt_sdk::timing::Backoff;

use crate::air::{self, OnAir};
use crate::options::Options;
use crate::service::{Account, Service};
use crate::tally::Streaming;
use crate::{names, stream};

/// Name of its streams in the metrics.
const NAME: &str = "publish";
/// The file that it publishes.
pub(crate) const ASSET: &str = "video";

/// How often it looks after its stream.
const LOOK: Duration = Duration::from_secs(1);

/// Pauses before it begins again, after a failure: drawn below a bound that doubles from the first to the last.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_secs(30);

/// The influencer.
pub(crate) struct Influencer {
    options: Options,
    /// Its account, and its name there.
    account: Option<(Account, String)>,
    precreated: bool,
    backoff: Backoff,
    streaming: Streaming,
}

impl Influencer {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            account: None,
            precreated: false,
            backoff: Backoff::new(BACKOFF_FIRST, BACKOFF_LAST, user::rng()),
            streaming: Streaming::default(),
        }
    }

    /// Be on the air until the run ends, or something fails.
    pub(crate) fn iterate(&mut self) -> Result<()> {
        let done = self.broadcast();
        // Of a stream that is not there no fan is to be told, and a run whose stream was cut is not steady.
        air::end()?;
        if user::should_stop() {
            return done;
        }
        self.streaming.set(false)?;
        if done.is_err() {
            stream::pause(self.backoff.pause())?;
        }
        done
    }

    fn broadcast(&mut self) -> Result<()> {
        let (origin, name) = self.prepare()?;
        let url = self.options.publish_url(&origin, &name);
        let shown = self.options.publish_url_shown(&origin, &name);
        let credentials = self
            .options
            .publish_user
            .as_deref()
            .zip(self.options.publish_password.as_deref());
        let (connection, key) = stream::connect(&url, &shown, NAME, credentials)?;
        let publisher = connection.publish(key).name(NAME).start();
        let publisher = stream::counted(publisher, NAME, &shown)?;
        let started = publisher.publish_asset(ASSET).start();
        stream::counted(started, NAME, &shown)?;
        self.backoff.reset();
        let held = self.hold(&publisher, &shown, &name);
        publisher.stop();
        connection.close();
        held
    }

    /// The server that takes the stream, and the stream's name: from the service, or from the settings.
    fn prepare(&mut self) -> Result<(String, String)> {
        if let Some(url) = &self.options.stream_url {
            return Ok((String::new(), name_of(url)));
        }
        let service = Service::new(&self.options);
        let (account, name) = match &self.account {
            Some(account) => account,
            None => self.account.insert(service.sign_in()?),
        };
        if !std::mem::replace(&mut self.precreated, true) {
            precreate(&self.options, &account.id)?;
        }
        if self.options.stream_alerts {
            service.alert(account)?;
        }
        let until = timing::now() + self.options.ready_timeout;
        let origin = loop {
            if let Some(origin) = service.origin(account)? {
                break origin;
            }
            ensure!(
                timing::now() < until,
                "the servers did not get ready within {:?}",
                self.options.ready_timeout
            );
            stream::pause(self.options.ready_poll_interval)?;
        };
        let name = name.clone();
        self.keep_alive()?;
        Ok((origin, name))
    }

    /// Look after the stream until the run ends; the fans are told of it when it has stood for a while.
    fn hold(&mut self, publisher: &Publisher, shown: &str, name: &str) -> Result<()> {
        let begun = timing::now();
        let mut told = false;
        let mut keep_alive_at = begun + self.options.keep_alive_interval;
        loop {
            let now = timing::now();
            if !told && now - begun >= self.options.fans_start_after {
                told = true;
                let id = self.account.as_ref().map(|(account, _)| account.id.clone());
                let id = id.unwrap_or_default();
                let stream = name.to_owned();
                OnAir { id, stream }.announce()?;
            }
            if now >= keep_alive_at {
                self.keep_alive()?;
                keep_alive_at += self.options.keep_alive_interval;
            }
            let next = if told {
                keep_alive_at
            } else {
                keep_alive_at.min(begun + self.options.fans_start_after)
            };
            match publisher.next_event(LOOK.min(next - timing::now())) {
                Ok(event) => {
                    if let Happening::Ended(close) = &event.what {
                        return stream::ended(close, NAME, shown);
                    }
                }
                Err(RtmpError::Timeout) => {}
                Err(RtmpError::Closed(close)) => return stream::ended(&close, NAME, shown),
                Err(error) => return Err(error.into()),
            }
            if user::should_stop() {
                return Ok(());
            }
            let keeps_up = keeps_up(&publisher.statistics(), self.options.lag_after());
            self.streaming.set(keeps_up)?;
        }
    }

    /// Tell the service that the stream is there. Without that it ends the stream: the run is of no use then.
    fn keep_alive(&self) -> Result<()> {
        let Some((account, _)) = &self.account else {
            return Ok(());
        };
        let kept = Service::new(&self.options).keep_alive(account);
        kept.map_err(|error| Error::abort_run(error.to_string()))
    }
}

/// Make accounts ready one after another: they sign in, or up, and follow. One that cannot be is counted, and the others go on.
fn precreate(options: &Options, influencer: &lt_sdk::json::Value) -> Result<()> {
    let service = Service::new(options);
    let first = options.precreate_from;
    for id in first..first.saturating_add(options.precreate_fans) {
        if user::should_stop() {
            break;
        }
        let name = names::existing(&options.fan_prefix, id);
        let ready = enter(&service, &name).and_then(|fan| service.follow(&fan, influencer));
        if let Err(error) = ready {
            log::warn!("fan {id} is not ready: {error}");
        }
    }
    Ok(())
}

/// The account of this name, which is made if there is none.
fn enter(service: &Service<'_>, name: &str) -> Result<Account> {
    match service.sign_in_fan(name)? {
        Some(account) => Ok(account),
        None => service.sign_up_fan(name),
    }
}

/// Whether what is published keeps up with the time that goes by.
fn keeps_up(broadcast: &Broadcast, lag_max: Duration) -> bool {
    let lag = broadcast.elapsed.saturating_sub(broadcast.media_time);
    broadcast.frames > 0 && lag.max(broadcast.late) <= lag_max
}

/// The name of a stream, without its query, as it stands for `{stream}`.
fn name_of(url: &str) -> String {
    let stream = crate::urls::split_stream(url).map_or(url, |(_, stream)| stream);
    stream.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_does_not_keep_up() {
        let seconds = Duration::from_secs;
        let mut broadcast = Broadcast::default();
        assert!(!keeps_up(&broadcast, seconds(3)));
        broadcast.frames = 100;
        broadcast.elapsed = seconds(13);
        broadcast.media_time = seconds(10);
        assert!(keeps_up(&broadcast, seconds(3)));
        broadcast.elapsed += Duration::from_millis(1);
        assert!(!keeps_up(&broadcast, seconds(3)));
        broadcast.media_time = seconds(14);
        assert!(keeps_up(&broadcast, seconds(3)));
        broadcast.late = seconds(4);
        assert!(!keeps_up(&broadcast, seconds(3)));
    }

    #[test]
    fn the_name_has_no_query() {
        assert_eq!(name_of("rtmp://a/b/star?key=c"), "star");
        assert_eq!(name_of("rtmp://a/b/c/star"), "star");
    }
}
