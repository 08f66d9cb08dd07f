//! What changes of a request from hop to hop.

use ::http::Method;

use super::redirect::Hop;
use super::{Body, Url};

/// Where a request stands on its way through redirects.
pub(super) struct Journey {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) fragment: Option<Box<str>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Body,
    /// `authorization` from the user and password of an earlier URL of the same origin.
    pub(super) authorization: Option<String>,
    pub(super) redirects: u32,
}

impl Journey {
    /// Go on to the next hop.
    pub(super) fn follow(&mut self, hop: Hop) {
        self.headers.retain(|(name, _)| hop.keeps(name));
        self.authorization = if hop.leaves_origin {
            None
        } else {
            self.url
                .authorization()
                .map(str::to_owned)
                .or_else(|| self.authorization.take())
        };
        if hop.becomes_get {
            self.method = Method::GET;
            self.body = Body::None;
        }
        if let Some(fragment) = hop.url.fragment() {
            self.fragment = Some(fragment.into());
        }
        self.url = hop.url;
        self.redirects += 1;
    }

    /// Whether a field of this name is sent, in any case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    }
}
