//! `/event/{slug}/`: the page of an event, with the state that a client starts from.

use hyper::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{ATTENDEES_MAX, BREAKOUTS, IDS_OF_AN_EVENT, PARTICIPANTS_MAX, User, number};
use crate::target::reply::{self, Reply};

/// The page; 302 to the login for those who are not logged in, 404 if there is no such event.
pub(super) fn page(path: &str, slug: &str, user: Option<&User>) -> Reply {
    let Some(user) = user else {
        return to_login(path);
    };
    let Some(number) = number(slug) else {
        return reply::not_found();
    };
    if !path.ends_with('/') {
        return reply::redirect(StatusCode::MOVED_PERMANENTLY, &format!("{path}/"));
    }
    // What would end the script may be written otherwise in JSON.
    let state = state(slug, number, user)
        .to_string()
        .replace('<', "\\u003C")
        .replace('>', "\\u003E")
        .replace('&', "\\u0026");
    let page = format!(
        "<!doctype html>\n<title>Plenary {slug}</title>\n<div id=\"app\"></div>\n\
         <script>\nwindow.__INITIAL_STATE__ = {state};\n</script>\n"
    );
    reply::html(StatusCode::OK, page)
}

/// 302 to the login, which leads back here.
pub(super) fn to_login(path: &str) -> Reply {
    let next: String = byte_serialize(path.as_bytes()).collect();
    reply::redirect(StatusCode::FOUND, &format!("/accounts/login/?next={next}"))
}

fn state(slug: &str, number: u64, user: &User) -> Value {
    json!({
        "plenary": {
            "id": number,
            "slug": slug,
            "name": format!("Plenary {slug}"),
            "url": format!("/event/{slug}/"),
            // What trips those who look for the end of the state with a pattern instead of parsing it.
            "description": "Bring \"quotes\", <b>tags</b> and {braces};",
            "open": true,
            "canceled": false,
            "public": true,
            "breakouts_open": true,
            "breakout_mode": "user",
            "max_participants": PARTICIPANTS_MAX,
            "admins": [],
            "embeds": null,
        },
        "breakouts": breakouts(number),
        "auth": { "is_authenticated": true, "id": user.id, "username": user.name },
        "breakout_presence": {},
        "chat_messages": [],
        "videosync": {},
    })
}

/// Some that are open to all, then a proposal, then one that is dealt out at random.
fn breakouts(number: u64) -> Vec<Value> {
    (1..=BREAKOUTS + 2)
        .map(|index| {
            let id = number * IDS_OF_AN_EVENT + index;
            json!({
                "id": id,
                "plenary": number,
                "title": format!("Breakout {index}"),
                "url": format!("/breakout/{id}/"),
                "max_attendees": ATTENDEES_MAX,
                "is_proposal": index == BREAKOUTS + 1,
                "is_random": index == BREAKOUTS + 2,
                "members": [],
                "votes": [],
            })
        })
        .collect()
}
