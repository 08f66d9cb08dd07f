//! How the streams of a core stand: asked once a second, and nothing is done for it in between.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{Direction, StreamRow, StreamState, StreamTable};
use lt_net::rtmp::{Player, Publisher};
use lt_spec::limits::RTMP_LAG_AFTER;
use tokio::time::Instant;

/// The streams of one core's users.
#[derive(Default)]
pub(crate) struct StreamsOfCore {
    users: RefCell<Vec<Weak<StreamsOfUser>>>,
}

/// The streams of one user: those that it asked for and has not ended. One that failed, or that the peer ended, stays until its user
/// asks for another, so that who sees nothing is seen; also one that there could not be because connecting failed.
pub(crate) struct StreamsOfUser {
    user: u64,
    next: Cell<u32>,
    rows: RefCell<Vec<Rc<Row>>>,
}

/// One stream.
pub(super) struct Row {
    number: u32,
    name: Arc<str>,
    direction: Direction,
    /// `Failed` or `Ended`, once it is over.
    over: Cell<Option<StreamState>>,
    /// Whether it stands for a connect that failed.
    is_connect: bool,
    source: RefCell<Source>,
    last: Cell<Look>,
}

/// Whom to ask how a stream stands.
pub(super) enum Source {
    /// Nobody yet.
    None,
    Publisher(Weak<Publisher>),
    Player(Weak<Player>),
}

/// What was seen when somebody looked last.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    bytes: u64,
    media: Duration,
}

/// What is seen now.
struct Seen {
    state: StreamState,
    lagged: bool,
    bytes: u64,
    media: Duration,
    elapsed: Duration,
    lag: Duration,
    kbps: f64,
}

impl StreamsOfCore {
    /// A user whose streams are shown for as long as it is there.
    pub(crate) fn enter(&self, user: u64) -> Rc<StreamsOfUser> {
        let streams = Rc::new(StreamsOfUser {
            user,
            next: Cell::new(0),
            rows: RefCell::default(),
        });
        let mut users = self.users.borrow_mut();
        // Those who have left make room before the list grows.
        if users.len() == users.capacity() {
            users.retain(|user| user.strong_count() > 0);
        }
        users.push(Rc::downgrade(&streams));
        streams
    }

    /// Add a row for each stream.
    pub(crate) fn look(&self, table: &mut StreamTable) {
        let now = Instant::now();
        for user in self.users.borrow().iter().filter_map(Weak::upgrade) {
            for row in user.rows.borrow().iter() {
                let seen = row.look(now);
                table.rows.push(StreamRow {
                    user: user.user,
                    number: row.number,
                    name: row.name.clone(),
                    direction: row.direction,
                    state: seen.state,
                    lagged: seen.lagged,
                    bytes: seen.bytes,
                    media: seen.media,
                    elapsed: seen.elapsed,
                    lag: seen.lag,
                    kbps: seen.kbps,
                });
            }
        }
    }
}

impl StreamsOfUser {
    /// A stream is asked for: what is over is not shown any more.
    pub(super) fn begin(&self, name: Arc<str>, direction: Direction) -> Rc<Row> {
        self.rows
            .borrow_mut()
            .retain(|row| row.over.get().is_none());
        self.add(name, direction, false)
    }

    /// Connecting failed, so that there is no stream to ask for: shown as one that failed, or else who never gets as far would be in no
    /// count. A stream that failed before stands for the user already. Which way it was to go nobody knows yet: most play.
    pub(super) fn connect_failed(&self, name: Arc<str>) {
        let mut rows = self.rows.borrow_mut();
        rows.retain(|row| row.over.get() != Some(StreamState::Ended));
        let has_failed = rows.iter().any(|row| row.over.get().is_some());
        drop(rows);
        if !has_failed {
            self.add(name, Direction::Play, true).fail();
        }
    }

    /// Connecting succeeded.
    pub(super) fn connected(&self) {
        self.rows.borrow_mut().retain(|row| !row.is_connect);
    }

    fn add(&self, name: Arc<str>, direction: Direction, is_connect: bool) -> Rc<Row> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let row = Rc::new(Row {
            number,
            name,
            direction,
            over: Cell::new(None),
            is_connect,
            source: RefCell::new(Source::None),
            last: Cell::new(Look {
                at: Instant::now(),
                bytes: 0,
                media: Duration::ZERO,
            }),
        });
        self.rows.borrow_mut().push(row.clone());
        row
    }

    /// It was ended.
    pub(super) fn end(&self, row: &Rc<Row>) {
        let mut rows = self.rows.borrow_mut();
        rows.retain(|other| !Rc::ptr_eq(other, row));
    }
}

impl Row {
    pub(super) fn shows(&self, source: Source) {
        self.source.replace(source);
    }

    /// It did not start, or ended badly.
    pub(super) fn fail(&self) {
        self.over.set(Some(StreamState::Failed));
    }

    /// The peer said that it is over.
    pub(super) fn end(&self) {
        self.over.set(Some(StreamState::Ended));
    }

    fn look(&self, now: Instant) -> Seen {
        let last = self.last.get();
        let mut seen = Seen {
            state: StreamState::Starting,
            lagged: false,
            bytes: last.bytes,
            media: last.media,
            elapsed: Duration::ZERO,
            lag: Duration::ZERO,
            kbps: 0.0,
        };
        match &*self.source.borrow() {
            Source::None => {}
            Source::Publisher(publisher) => {
                if let Some(publisher) = publisher.upgrade() {
                    seen = broadcast(&publisher, last, now);
                }
            }
            Source::Player(player) => {
                if let Some(player) = player.upgrade() {
                    seen = playback(&player);
                }
            }
        }
        if let Some(over) = self.over.get() {
            (seen.state, seen.lagged, seen.kbps) = (over, false, 0.0);
        }
        self.last.set(Look {
            at: now,
            bytes: seen.bytes,
            media: seen.media,
        });
        seen
    }
}

fn playback(player: &Player) -> Seen {
    let found = player.statistics();
    #[expect(
        clippy::cast_precision_loss,
        reason = "bits of one second stay far below 2^53"
    )]
    let kbps = found.bitrate as f64 / 1000.0;
    Seen {
        state: match () {
            () if found.first_byte.is_none() => StreamState::Starting,
            () if found.stalled => StreamState::Stalled,
            () => StreamState::Flowing,
        },
        // Whatever its state: a stream of which nothing comes is the most late.
        lagged: found.lagged,
        bytes: found.bytes,
        media: found.media_time,
        elapsed: found.elapsed,
        lag: found.lag,
        kbps,
    }
}

fn broadcast(publisher: &Publisher, last: Look, now: Instant) -> Seen {
    let found = publisher.statistics();
    let new = found.bytes.saturating_sub(last.bytes);
    let seconds = (now - last.at).as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes of one second stay far below 2^53"
    )]
    let kbps = if seconds > 0.0 {
        new as f64 * 8.0 / 1000.0 / seconds
    } else {
        0.0
    };
    Seen {
        state: match () {
            () if found.bytes == 0 => StreamState::Starting,
            // There is something to send, and the peer takes none of it.
            () if found.unsent_bytes > 0 && new == 0 => StreamState::Stalled,
            () => StreamState::Flowing,
        },
        lagged: found.late > RTMP_LAG_AFTER,
        bytes: found.bytes,
        media: found.media_time,
        elapsed: found.elapsed,
        lag: found.late,
        kbps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(streams: &StreamsOfCore) -> Vec<(u64, u32, StreamState)> {
        let mut table = StreamTable::default();
        streams.look(&mut table);
        let rows = table.rows.iter();
        rows.map(|row| (row.user, row.number, row.state)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_stays_until_its_user_asks_for_another_or_leaves() {
        let streams = StreamsOfCore::default();
        let (one, two) = (streams.enter(1), streams.enter(2));
        let failed = one.begin("live".into(), Direction::Play);
        let other = two.begin("live".into(), Direction::Publish);
        failed.fail();
        let (starting, failing) = (StreamState::Starting, StreamState::Failed);
        assert_eq!(table(&streams), [(1, 0, failing), (2, 0, starting)]);
        let again = one.begin("live".into(), Direction::Play);
        assert_eq!(table(&streams), [(1, 1, starting), (2, 0, starting)]);
        two.end(&other);
        assert_eq!(table(&streams), [(1, 1, starting)]);
        again.fail();
        drop(one);
        assert_eq!(table(&streams), []);
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_connect_is_one_that_failed_until_it_can() {
        let streams = StreamsOfCore::default();
        let user = streams.enter(1);
        let (starting, failed, ended) = (
            StreamState::Starting,
            StreamState::Failed,
            StreamState::Ended,
        );
        user.connect_failed("live".into());
        user.connect_failed("live".into());
        assert_eq!(table(&streams), [(1, 0, failed)], "counted once");
        user.connected();
        assert_eq!(table(&streams), []);
        let row = user.begin("live".into(), Direction::Play);
        user.connect_failed("other".into());
        assert_eq!(table(&streams), [(1, 1, starting), (1, 2, failed)]);
        user.connected();
        row.fail();
        user.connect_failed("live".into());
        user.connected();
        assert_eq!(table(&streams), [(1, 1, failed)], "it stands for its user");
        let row = user.begin("live".into(), Direction::Play);
        row.end();
        assert_eq!(table(&streams), [(1, 3, ended)]);
        user.connect_failed("live".into());
        assert_eq!(table(&streams), [(1, 4, failed)]);
        user.begin("live".into(), Direction::Play);
        assert_eq!(table(&streams), [(1, 5, starting)]);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_have_left_make_room() {
        let streams = StreamsOfCore::default();
        for user in 0..10_000 {
            drop(streams.enter(user));
        }
        assert!(streams.users.borrow().len() < 100);
    }
}
