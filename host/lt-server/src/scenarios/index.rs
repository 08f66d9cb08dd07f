//! The versions stored under one name: what is the current one, what came before, what may go.

use lt_spec::limits::SCENARIO_VERSIONS_MAX;
use serde::{Deserialize, Serialize};

use super::about::About;
use crate::error::{ApiError, ApiResult};

/// Digits of a digest that are enough to name it.
pub(crate) const DIGEST_PREFIX_MIN: usize = 8;

/// See the module. This is the file that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Index {
    /// Digest of the version that new runs take.
    pub(crate) current: String,
    /// The one that was current before: where a rollback goes.
    #[serde(default)]
    pub(crate) previous: Option<String>,
    /// All, in the order of their uploads.
    pub(crate) versions: Vec<Stored>,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// SHA-256 of its bytes.
    pub(crate) digest: String,
    /// What it calls itself.
    pub(crate) version: String,
    pub(crate) size_bytes: u64,
    pub(crate) uploaded_at: String,
    pub(crate) about: About,
}

impl Index {
    /// With one version.
    pub(crate) fn new(first: Stored) -> Self {
        Self {
            current: first.digest.clone(),
            previous: None,
            versions: vec![first],
        }
    }

    /// The current version. There always is one.
    pub(crate) fn current(&self) -> Option<&Stored> {
        self.exactly(&self.current)
    }

    fn exactly(&self, digest: &str) -> Option<&Stored> {
        self.versions
            .iter()
            .find(|version| version.digest == digest)
    }

    /// The version of this digest or of this unique beginning of one; without, the current one.
    ///
    /// # Errors
    /// `not_found`, or `invalid` if it is no digest or several begin so.
    pub(crate) fn find(&self, digest: Option<&str>) -> ApiResult<&Stored> {
        let Some(wanted) = digest else {
            let current = self.current();
            return current.ok_or_else(|| ApiError::not_found("version", &self.current));
        };
        let is_digest = (DIGEST_PREFIX_MIN..=64).contains(&wanted.len())
            && wanted.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_digest {
            let message = format!("is not {DIGEST_PREFIX_MIN} to 64 hexadecimal digits");
            return Err(ApiError::invalid_field(
                "digest",
                wanted,
                message,
                "take a digest from the scenario's versions",
            ));
        }
        let wanted = wanted.to_ascii_lowercase();
        let mut found = self
            .versions
            .iter()
            .filter(|version| version.digest.starts_with(&wanted));
        match (found.next(), found.next()) {
            (Some(version), None) => Ok(version),
            (Some(_), Some(_)) => Err(ApiError::invalid_field(
                "digest",
                wanted,
                "begins the digests of several versions",
                "give more of its digits",
            )),
            (None, _) => Err(ApiError::not_found("version", &wanted)),
        }
    }

    /// With this version as the current one; whether it is a new one.
    ///
    /// # Errors
    /// `capacity`, if there are as many versions as are kept.
    pub(crate) fn publish(&mut self, version: Stored) -> ApiResult<bool> {
        let is_new = self.exactly(&version.digest).is_none();
        if is_new && self.versions.len() >= SCENARIO_VERSIONS_MAX {
            let message = format!(
                "{SCENARIO_VERSIONS_MAX} versions of this scenario are kept, which is the limit"
            );
            return Err(ApiError::capacity(message)
                .remedy("delete versions that no run needs: DELETE with ?digest="));
        }
        let digest = version.digest.clone();
        if is_new {
            self.versions.push(version);
        }
        self.turn_to(digest);
        Ok(is_new)
    }

    /// Go back to a version, or to the one that was current before.
    ///
    /// # Errors
    /// `not_found`, or `conflict` if there is none before.
    pub(crate) fn roll_back(&mut self, digest: Option<&str>) -> ApiResult<()> {
        let to = match (digest, &self.previous) {
            (Some(digest), _) => self.find(Some(digest))?.digest.clone(),
            (None, Some(previous)) => previous.clone(),
            (None, None) => {
                return Err(ApiError::conflict("no other version was current before")
                    .remedy("name one of the scenario's versions by its digest"));
            }
        };
        self.turn_to(to);
        Ok(())
    }

    fn turn_to(&mut self, digest: String) {
        if digest != self.current {
            self.previous = Some(std::mem::replace(&mut self.current, digest));
        }
    }

    /// Without a version, which is returned; the current one only if it is the last.
    ///
    /// # Errors
    /// `not_found`, or `conflict`.
    pub(crate) fn remove(&mut self, digest: &str) -> ApiResult<Stored> {
        let digest = self.find(Some(digest))?.digest.clone();
        if digest == self.current && self.versions.len() > 1 {
            return Err(
                ApiError::conflict("this is the current version, and there are others")
                    .remedy("roll back to another version first, or delete the whole scenario"),
            );
        }
        if self.previous.as_ref() == Some(&digest) {
            self.previous = None;
        }
        let place = self
            .versions
            .iter()
            .position(|version| version.digest == digest);
        let place = place.ok_or_else(|| ApiError::not_found("version", &digest))?;
        Ok(self.versions.remove(place))
    }

    /// Without the versions of which `is_there` does not hold: their bytes are gone. `None` if nothing is left.
    pub(crate) fn without_lost(mut self, is_there: impl Fn(&Stored) -> bool) -> Option<Self> {
        self.versions.retain(is_there);
        let newest = self.versions.last()?.digest.clone();
        if self.exactly(&self.current).is_none() {
            self.current = newest;
        }
        let previous = self.previous.take();
        self.previous = previous.filter(|digest| self.exactly(digest).is_some());
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn stored(digit: char) -> Stored {
        Stored {
            digest: digit.to_string().repeat(64),
            version: "0.1.0".to_owned(),
            size_bytes: 1,
            uploaded_at: String::new(),
            about: About::default(),
        }
    }

    fn of(digits: &str) -> Index {
        let mut digits = digits.chars();
        let mut index = Index::new(stored(digits.next().unwrap()));
        for digit in digits {
            index.publish(stored(digit)).unwrap();
        }
        index
    }

    fn first(digest: &str) -> char {
        digest.chars().next().unwrap()
    }

    #[test]
    fn an_upload_becomes_current_and_the_same_bytes_add_no_version() {
        let mut index = of("ab");
        assert_eq!(first(&index.current), 'b');
        assert!(!index.publish(stored('a')).unwrap());
        assert_eq!((first(&index.current), index.versions.len()), ('a', 2));
        assert!(!index.publish(stored('a')).unwrap());
        assert_eq!(first(index.previous.as_ref().unwrap()), 'b');
    }

    #[test]
    fn rolling_back_goes_to_what_was_current_or_to_what_is_named() {
        let mut index = of("abc");
        index.roll_back(None).unwrap();
        assert_eq!(first(&index.current), 'b');
        index.roll_back(Some("aaaaaaaa")).unwrap();
        assert_eq!(first(&index.current), 'a');
        let error = index.roll_back(Some("dddddddd")).unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(of("a").roll_back(None).unwrap_err().code(), Code::Conflict);
    }

    #[test]
    fn a_version_is_named_by_a_unique_beginning_of_its_digest() {
        let mut index = of("a");
        let mut twin = stored('a');
        twin.digest.replace_range(63.., "b");
        index.publish(twin.clone()).unwrap();
        assert_eq!(index.find(None).unwrap(), &twin);
        assert_eq!(
            index.find(Some(&twin.digest.to_uppercase())).unwrap(),
            &twin
        );
        let code = |digest: &str| index.find(Some(digest)).unwrap_err().code();
        assert_eq!(code("aaaaaaaa"), Code::Invalid);
        assert_eq!(code("aaaaaaa"), Code::Invalid);
        assert_eq!(code("../../..//"), Code::Invalid);
        assert_eq!(code("bbbbbbbb"), Code::NotFound);
    }

    #[test]
    fn the_current_version_stays_while_there_are_others() {
        let mut index = of("abc");
        assert_eq!(index.remove("cccccccc").unwrap_err().code(), Code::Conflict);
        index.remove("bbbbbbbb").unwrap();
        assert_eq!(index.previous, None);
        index.remove("aaaaaaaa").unwrap();
        index.remove("cccccccc").unwrap();
        assert!(index.versions.is_empty());
    }

    #[test]
    fn versions_are_bounded() {
        let mut index = of("a");
        for number in 1..SCENARIO_VERSIONS_MAX {
            let mut version = stored('b');
            version.digest = format!("{number:064x}");
            index.publish(version).unwrap();
        }
        assert_eq!(
            index.publish(stored('c')).unwrap_err().code(),
            Code::Capacity
        );
        assert!(!index.publish(stored('a')).unwrap());
    }

    #[test]
    fn what_lost_its_bytes_is_left_out() {
        let index = of("abc")
            .without_lost(|version| first(&version.digest) != 'c')
            .unwrap();
        assert_eq!((first(&index.current), index.versions.len()), ('b', 2));
        assert_eq!(of("a").without_lost(|_| false), None);
    }
}
