//! FLV assets of a run: each is parsed once for all users of all cores, and not on a core's thread: what takes a second would hold up
//! every user there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lt_net::rtmp::Asset;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::enrolment::lock;

/// What a file came to; faults are kept too.
type Parsed = Result<Arc<Asset>, String>;

/// See the module. As many as the run has files that somebody publishes.
#[derive(Default)]
pub(crate) struct Assets(Mutex<BTreeMap<String, Arc<OnceCell<Parsed>>>>);

impl Assets {
    /// The asset of this name, whose bytes these are.
    ///
    /// # Errors
    /// If they are none: where, and what is wrong.
    pub(crate) async fn get(&self, name: String, bytes: Bytes) -> Parsed {
        let cell = lock(&self.0).entry(name).or_default().clone();
        let parsed = cell.get_or_init(|| async {
            let parsing = spawn_blocking(move || Asset::parse(bytes).map(Arc::new));
            let fault = |error| Err(format!("it could not be parsed: {error}"));
            parsing.await.unwrap_or_else(fault)
        });
        parsed.await.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_flv_is_said_to_everybody_who_asks() {
        let assets = Assets::default();
        let get = || assets.get("video".to_owned(), Bytes::from_static(b"RIFF....WAVE"));
        let (one, two) = tokio::join!(get(), get());
        assert!(one.is_err());
        assert_eq!(one.err(), two.err());
        assert_eq!(lock(&assets.0).len(), 1);
    }
}
