//! What is recorded of an HTTP exchange.

use std::fmt;
use std::rc::Rc;

use lt_metrics::{JournalEvent, TagsId, builtin};
use lt_net::NetError;
use lt_net::http::Version;
use lt_net::http::observation::Observation;
use lt_spec::limits::NAME_BYTES_MAX;

use super::IoLink;
use crate::core::{GroupId, HttpKey, record_bytes};
use crate::interfaces::cut;

impl IoLink {
    /// Record one exchange: k6's metrics and tags. A followed redirect is an exchange of its own.
    pub(super) fn record(&self, group: GroupId, seen: &Observation<'_>) {
        let tags = self.tags_of(group, seen);
        let timings = seen.timings;
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record(builtin::HTTP_REQS, tags, 1.0);
        recorder.record(
            builtin::HTTP_REQ_FAILED,
            tags,
            if seen.expected { 0.0 } else { 1.0 },
        );
        if !seen.expected {
            recorder.kind(builtin::HTTP_REQ_FAILED, Failure(seen), 1.0);
        }
        recorder.record_time(builtin::HTTP_REQ_DURATION, tags, timings.duration());
        recorder.record_time(builtin::HTTP_REQ_BLOCKED, tags, timings.blocked);
        recorder.record_time(builtin::HTTP_REQ_RESOLVING, tags, timings.resolving);
        recorder.record_time(builtin::HTTP_REQ_CONNECTING, tags, timings.connecting);
        recorder.record_time(builtin::HTTP_REQ_TLS_HANDSHAKING, tags, timings.tls);
        recorder.record_time(builtin::HTTP_REQ_SENDING, tags, timings.sending);
        recorder.record_time(builtin::HTTP_REQ_WAITING, tags, timings.waiting);
        recorder.record_time(builtin::HTTP_REQ_RECEIVING, tags, timings.receiving);
        if !seen.reused {
            recorder.record(builtin::HTTP_CONNECTIONS, tags, 1.0);
        }
        record_bytes(&mut recorder, tags, seen.bytes_sent, seen.bytes_received);
        drop(recorder);
        let (journal, user) = (&self.core.journal, self.who.id.0);
        journal.write(user, || JournalEvent::Request);
        if !seen.expected {
            journal.write(user, || failed_request(seen));
        }
    }

    /// The tag set of an exchange. A user that repeats a request finds it without hashing or allocating.
    fn tags_of(&self, group: GroupId, seen: &Observation<'_>) -> TagsId {
        let status = seen.status.unwrap_or(0);
        let error_code = match seen.error {
            Some(error) => error.code(),
            // k6: 1000 + the status for an error the server answered with.
            None if status >= 400 => 1000 + status,
            None => 0,
        };
        let (name, extra) = (cut(seen.name(), NAME_BYTES_MAX), &seen.options.tags);
        let proto = seen.version.map_or("", Version::as_str);
        let tls_version = seen.tls.map_or("", |tls| tls.version);
        if let Some((key, tags)) = &*self.last_tags.borrow()
            && (key.status, key.error_code, key.group) == (status, error_code, group)
            && key.expected == seen.expected
            && *key.name == *name
            && key.method == *seen.method
            && (key.proto, key.tls_version) == (proto, tls_version)
            && key.extra.is_none()
            && extra.is_empty()
        {
            return *tags;
        }
        let pairs = || {
            extra
                .iter()
                .map(|(name, value)| (cut(name, NAME_BYTES_MAX), cut(value, NAME_BYTES_MAX)))
        };
        let key = HttpKey {
            role: self.who.role,
            group,
            method: seen.method.clone(),
            name: name.into(),
            status,
            error_code,
            proto,
            tls_version,
            expected: seen.expected,
            extra: (!extra.is_empty()).then(|| Rc::new(lt_metrics::Tags::new(pairs()))),
        };
        let tags = self.core.tags_of_http(&key);
        self.last_tags.replace(Some((key, tags)));
        tags
    }
}

/// What the journal says of a failed request, beside that there was one.
fn failed_request(seen: &Observation<'_>) -> JournalEvent {
    let url = cut(seen.name(), NAME_BYTES_MAX).into();
    match seen.error {
        Some(NetError::Timeout | NetError::ConnectTimeout) => JournalEvent::RequestTimeout { url },
        Some(error) => JournalEvent::RequestFailed {
            code: error.code(),
            url,
        },
        None => JournalEvent::RequestFailed {
            code: seen.status.unwrap_or(0),
            url,
        },
    }
}

/// What the summary counts a failed request as: the error's name in `wit/` with the number of the tag, else the status.
struct Failure<'a>(&'a Observation<'a>);

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seen) = self;
        match seen.error {
            Some(error) => write!(f, "{} {}", error.kind(), error.code()),
            None => write!(f, "status {}", seen.status.unwrap_or(0)),
        }
    }
}
