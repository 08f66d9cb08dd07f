//! What a run of this scenario counts beside what the host does, and which of it fails the iteration.

use lt_sdk::metrics::{Counter, Kind, Trend, Unit};
use lt_sdk::prelude::*;
use lt_sdk::websocket::Close;

use crate::words::{self, Refusal};

/// Plenaries joined.
pub(crate) const JOINS: &str = "joins";
/// Plenaries left.
pub(crate) const LEAVES: &str = "leaves";
/// Joins of those who were cut off before.
pub(crate) const REJOINS: &str = "reconnects";
/// Messages said.
pub(crate) const CHATS: &str = "chats_sent";
/// Breakouts joined.
pub(crate) const BREAKOUT_JOINS: &str = "breakout_joins";
/// Breakouts left.
pub(crate) const BREAKOUT_LEAVES: &str = "breakout_leaves";

const SERVER_ERRORS: &str = "server_errors";
const CUT_OFF: &str = "cut_off";
const JOIN_TIME: &str = "join_time";

/// Declare all of it, so that thresholds can name it.
pub(crate) fn declare(base: Description) -> Description {
    let counters = [
        (JOINS, "Plenaries joined: the server confirmed it"),
        (LEAVES, "Plenaries left by the user's own will"),
        (
            REJOINS,
            "Plenaries joined again by users whose connection had ended otherwise",
        ),
        (CHATS, "Messages said"),
        (BREAKOUT_JOINS, "Breakouts joined: the server confirmed it"),
        (BREAKOUT_LEAVES, "Breakouts left by the user's own will"),
        (
            SERVER_ERRORS,
            "Errors that the server told, and joins that it refused, by the tag `code`",
        ),
        (
            CUT_OFF,
            "Connections that ended otherwise than by the user's will, by the tags `room` and `ending`",
        ),
    ];
    counters
        .into_iter()
        .fold(base, |base, (name, doc)| {
            base.metric(name, doc, Kind::Counter, Unit::None)
        })
        .metric(
            JOIN_TIME,
            "From opening the socket until the server confirmed the join, by the tag `room`",
            Kind::Trend,
            Unit::Time,
        )
}

/// One more of those without a tag. Metrics are opened when something is to be counted, which is seldom: a handle kept by each user
/// would cost more.
pub(crate) fn count(metric: &str) -> Result<()> {
    Ok(Counter::open(metric)?.add(1)?)
}

/// One more error of this name.
pub(crate) fn server_error(code: &str) -> Result<()> {
    Ok(Counter::open(SERVER_ERRORS)?.add_tagged(1, &[("code", code)])?)
}

/// One more connection that ended so.
fn cut_off(room: &str, ending: &str) -> Result<()> {
    let tags = [("room", room), ("ending", ending)];
    Ok(Counter::open(CUT_OFF)?.add_tagged(1, &tags)?)
}

/// A join took this long.
pub(crate) fn join_time(room: &str, took: Duration) -> Result<()> {
    let milliseconds = took.as_secs_f64() * 1e3;
    let trend = Trend::open_unit(JOIN_TIME, Unit::Time)?;
    Ok(trend.add_tagged(milliseconds, &[("room", room)])?)
}

/// Count errors that the server told. The first that is no part of the game fails the iteration.
pub(crate) fn tell(room: &str, codes: &[String]) -> Result<()> {
    let mut told = Ok(());
    for code in codes {
        told = told.and(refused(room, &Refusal::told(code.clone())));
    }
    told
}

/// Count what the server refused. It fails the iteration unless it is part of the game.
pub(crate) fn refused(room: &str, refusal: &Refusal) -> Result<()> {
    server_error(&refusal.code)?;
    ensure!(words::is_refusal(&refusal.code), "{room}: {}", refusal.text);
    Ok(())
}

/// Count a connection that ended without the user's doing: it fails the iteration.
pub(crate) fn lost(room: &str, end: &Close) -> Result<()> {
    cut_off(room, end.ending.as_str())?;
    Err(Error::msg(format!("{room}: the connection ended: {end}")))
}

/// Both errors in one, if there are two: none hides the other. What follows for the user is what follows from the first.
pub(crate) fn both(first: Result<()>, second: Result<()>) -> Result<()> {
    match (first, second) {
        (Err(first), Err(second)) => Err(first.context(format_args!("{second}; also"))),
        (first, second) => first.and(second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_errors_none_hides_the_other() {
        let check = |first: Result<(), &'static str>, second, expected| {
            let both = both(
                first.map_err(Error::msg),
                Result::map_err(second, Error::msg),
            );
            assert_eq!(both.map_err(|error| error.to_string()), expected);
        };
        check(Ok(()), Ok(()), Ok(()));
        check(Err("a"), Ok(()), Err("a".to_owned()));
        check(Ok(()), Err("b"), Err("b".to_owned()));
        check(Err("a"), Err("b"), Err("b; also: a".to_owned()));
    }
}
