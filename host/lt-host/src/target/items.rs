//! A small store with a JSON API: `/items` and `/items/{id}`.

use std::collections::BTreeMap;

use hyper::header::LOCATION;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::reply::{self, Reply};
use super::{Shared, lock};

/// Most items kept; the oldest go first. With [`ITEM_BYTES_MAX`] some tens of megabytes at worst.
pub(super) const ITEMS_MAX: usize = 1000;
/// Largest item, as it is sent.
pub(super) const ITEM_BYTES_MAX: usize = 16 << 10;
/// Most items in one list: the newest.
pub(super) const LISTED_MAX: usize = 50;

/// The items, by id. Ids rise and are never used again.
#[derive(Debug, Default)]
pub(super) struct Items {
    by_id: BTreeMap<u64, Value>,
    last_id: u64,
}

impl Items {
    fn add(&mut self, item: Value) -> u64 {
        if self.by_id.len() >= ITEMS_MAX {
            self.by_id.pop_first();
        }
        self.last_id += 1;
        self.by_id.insert(self.last_id, item);
        self.last_id
    }
}

/// `/items`: GET lists the newest, POST adds one.
pub(super) fn all(shared: &Shared, method: &Method, body: &[u8]) -> Reply {
    match *method {
        Method::GET | Method::HEAD => {
            let items = lock(&shared.items);
            let newest: Vec<_> = items
                .by_id
                .iter()
                .rev()
                .take(LISTED_MAX)
                .map(|(id, item)| shown(*id, item))
                .collect();
            reply::json(
                StatusCode::OK,
                &json!({ "items": newest, "total": items.by_id.len() }),
            )
        }
        Method::POST => match parse(body) {
            Ok(item) => {
                let id = lock(&shared.items).add(item.clone());
                reply::with(
                    reply::json(StatusCode::CREATED, &shown(id, &item)),
                    LOCATION,
                    &format!("/items/{id}"),
                )
            }
            Err(refusal) => *refusal,
        },
        _ => reply::method_not_allowed("GET, POST"),
    }
}

/// `/items/{id}`: GET shows, PUT replaces, DELETE removes.
pub(super) fn one(shared: &Shared, method: &Method, id: &str, body: &[u8]) -> Reply {
    let absent = || {
        reply::json(
            StatusCode::NOT_FOUND,
            &json!({ "error": format!("no item {id:?}") }),
        )
    };
    let Ok(id) = id.parse::<u64>() else {
        return absent();
    };
    let mut items = lock(&shared.items);
    match *method {
        Method::GET | Method::HEAD => items
            .by_id
            .get(&id)
            .map_or_else(absent, |item| reply::json(StatusCode::OK, &shown(id, item))),
        Method::PUT => match (parse(body), items.by_id.get_mut(&id)) {
            (Err(refusal), _) => *refusal,
            (Ok(_), None) => absent(),
            (Ok(item), Some(place)) => {
                *place = item;
                reply::json(StatusCode::OK, &shown(id, place))
            }
        },
        Method::DELETE => items
            .by_id
            .remove(&id)
            .map_or_else(absent, |_| reply::text(StatusCode::NO_CONTENT, "")),
        _ => reply::method_not_allowed("GET, PUT, DELETE"),
    }
}

fn parse(body: &[u8]) -> Result<Value, Box<Reply>> {
    let refuse = |status, why: String| Err(Box::new(reply::json(status, &json!({ "error": why }))));
    if body.len() > ITEM_BYTES_MAX {
        return refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("an item has at most {ITEM_BYTES_MAX} bytes"),
        );
    }
    match serde_json::from_slice(body) {
        Ok(item @ Value::Object(_)) => Ok(item),
        Ok(_) => refuse(
            StatusCode::BAD_REQUEST,
            "an item is a JSON object".to_owned(),
        ),
        Err(error) => refuse(StatusCode::BAD_REQUEST, format!("not JSON: {error}")),
    }
}

fn shown(id: u64, item: &Value) -> Value {
    json!({ "id": id, "item": item })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_item_goes_when_there_are_too_many() {
        let mut items = Items::default();
        for n in 0..=ITEMS_MAX {
            items.add(json!({ "n": n }));
        }
        assert_eq!(items.by_id.len(), ITEMS_MAX);
        assert_eq!(
            items.by_id.first_key_value(),
            Some((&2, &json!({ "n": 1 })))
        );
    }
}
