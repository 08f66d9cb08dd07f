//! A plenary chat server, as `scenarios/plenary-chat` meets it: accounts with CSRF forms, the page of an event with its state, and
//! the sockets of events and their breakouts, where every coming and going sends the full list of members to all. That list is
//! the real load when many come at once: N users are told N times of up to N members.
//!
//! It has the routes, forms and messages of the Django server that the project's tests run against, and of such users as chat:
//! no administration, no votes, no statistics.

mod accounts;
mod event;
mod sockets;

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HeaderMap;

pub(super) use self::accounts::{Accounts, form};
pub(super) use self::sockets::Rooms;
use super::mirror::cookie;
use super::reply::{self, Reply};
use super::websocket::{Offer, is_asked_for, upgrade};
use super::{Shared, lock};

/// The events there are.
pub(super) const EVENTS: [&str; 2] = ["test", "other"];
/// Most sockets of an event: each coming and going sends a list of all to all.
pub(super) const PARTICIPANTS_MAX: usize = 1000;
/// Breakouts of each event that can be joined. A proposal and a random one come on top.
const BREAKOUTS: u64 = 5;
/// Most users in a breakout.
pub(super) const ATTENDEES_MAX: usize = 10;
/// Ids of the breakouts of the first event start after this, those of the second after twice this.
const IDS_OF_AN_EVENT: u64 = 1000;
/// The cookie of who is logged in.
const SESSION_COOKIE: &str = "sessionid";

/// Someone with an account, who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    id: u64,
    name: String,
}

/// `/event/{slug}/`: the page, or the socket, with or without the last slash.
pub(super) fn event(shared: &Arc<Shared>, request: &Request<Incoming>, rest: &str) -> Reply {
    let slug = rest.strip_suffix('/').unwrap_or(rest);
    let user = user(shared, request.headers());
    if !is_asked_for(request.headers()) {
        return event::page(request.uri().path(), slug, user.as_ref());
    }
    match user {
        None => forbidden(),
        Some(user) => {
            let slug = slug.to_owned();
            upgrade(shared, request, Offer::CHAT, |session| {
                sockets::event(session, user, slug)
            })
        }
    }
}

/// `/breakout/{id}/`: the socket, with or without the last slash.
pub(super) fn breakout(shared: &Arc<Shared>, request: &Request<Incoming>, rest: &str) -> Reply {
    let Ok(id) = rest.strip_suffix('/').unwrap_or(rest).parse() else {
        return reply::not_found();
    };
    match user(shared, request.headers()) {
        None if is_asked_for(request.headers()) => forbidden(),
        None => event::to_login(request.uri().path()),
        Some(user) => upgrade(shared, request, Offer::CHAT, move |session| {
            sockets::breakout(session, user, id)
        }),
    }
}

fn forbidden() -> Reply {
    reply::text(
        hyper::StatusCode::FORBIDDEN,
        "403: log in at /accounts/login/ first\n",
    )
}

fn user(shared: &Shared, headers: &HeaderMap) -> Option<User> {
    let name = lock(&shared.sessions)
        .get(cookie(headers, SESSION_COOKIE)?)?
        .user
        .clone()?;
    let id = lock(&shared.accounts).id(&name)?;
    Some(User { id, name })
}

/// The number of an event, counted from 1.
fn number(slug: &str) -> Option<u64> {
    EVENTS
        .iter()
        .zip(1..)
        .find_map(|(found, number)| (*found == slug).then_some(number))
}

/// Whether there is a breakout with this id.
fn is_breakout(id: u64) -> bool {
    let event = id / IDS_OF_AN_EVENT;
    (1..=EVENTS.len() as u64).contains(&event)
        && (1..=BREAKOUTS + 2).contains(&(id % IDS_OF_AN_EVENT))
}
