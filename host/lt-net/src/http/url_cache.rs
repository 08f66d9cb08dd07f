//! Parsed URLs by their text, one table a thread.
//!
//! Users of a core mostly ask for the same few URLs again and again; parsing one costs about a microsecond, a sixth of a whole
//! small request. One table for all users of the core costs the idle user nothing.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::Url;
use crate::error::NetError;

/// Places in the table of one thread. A scenario has a handful of distinct URLs; those with ids in them displace each other
/// and cost what they would without a table.
const PLACES: usize = 256;

/// Longest URL that is kept: bounds the table at about a megabyte a thread.
const KEPT_URL_BYTES_MAX: usize = 1024;

type Place = Option<(Box<str>, Url)>;

thread_local! {
    static TABLE: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// Parse a URL, or take it from the table.
///
/// # Errors
/// `invalid-request`, as [`Url::parse`].
pub(crate) fn parse(text: &str) -> Result<Url, NetError> {
    if text.len() > KEPT_URL_BYTES_MAX {
        return Url::parse(text);
    }
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    let index = usize::try_from(hash % PLACES as u64).unwrap_or_default();
    TABLE.with_borrow_mut(|table| {
        if table.is_empty() {
            table.resize_with(PLACES, || None);
        }
        let Some(place) = table.get_mut(index) else {
            return Url::parse(text);
        };
        if let Some((known, url)) = place
            && **known == *text
        {
            return Ok(url.clone());
        }
        let url = Url::parse(text)?;
        *place = Some((text.into(), url.clone()));
        Ok(url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_gives_the_same_url_and_another_text_another() {
        let first = parse("http://h.example/a?x=1").unwrap();
        let again = parse("http://h.example/a?x=1").unwrap();
        assert!(std::ptr::eq(first.as_str(), again.as_str()), "parsed twice");
        for n in 0..PLACES * 4 {
            let text = format!("http://h.example/{n}");
            assert_eq!(parse(&text).unwrap().as_str(), text);
        }
        assert_eq!(
            parse("http://h.example/a?x=1").unwrap().as_str(),
            "http://h.example/a?x=1"
        );
    }

    #[test]
    fn bad_and_long_urls_are_not_kept() {
        assert_eq!(parse("nonsense").unwrap_err().code(), 1020);
        let long = format!("http://h.example/{}", "x".repeat(KEPT_URL_BYTES_MAX));
        let (first, again) = (parse(&long).unwrap(), parse(&long).unwrap());
        assert!(!std::ptr::eq(first.as_str(), again.as_str()));
    }
}
