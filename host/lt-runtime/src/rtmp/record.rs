//! What is recorded of a connect, and what the samples of a connection and its streams are tagged with.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{JournalEvent, Recorder, TagsId, builtin};
use lt_net::rtmp::{Attempt, Close, ConnectTimings, Ending, RtmpError, Status};
use lt_spec::limits::NAME_BYTES_MAX;

use super::CUT_OFF;
use crate::core::{Core, GroupId, record_bytes};
use crate::ctx::Identity;
use crate::interfaces::cut;
use crate::sockets::Labels;

/// Whose connection it is, and what its samples are tagged with; those of its streams too.
pub(crate) struct Labelled {
    pub(super) core: Rc<Core>,
    pub(super) who: Identity,
    pub(super) group: GroupId,
    pub(super) name: Arc<str>,
    own: Box<[(String, String)]>,
    /// Tags of the connection's samples, beside what comes of it.
    pub(super) tags: TagsId,
}

/// Why a connect or a stream failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Number for the tag `error_code`.
    pub(super) number: u16,
    /// What the summary counts it as.
    pub(super) kind: String,
    /// What the server said, if it did.
    pub(super) code: Option<String>,
    /// What outputs that follow users say of it beside the number: what the server said, else the name of the case.
    pub(super) reason: String,
}

impl Failure {
    pub(super) fn of(error: &RtmpError) -> Self {
        if matches!(error, RtmpError::Closed(close) if close.ending == Ending::ByUs) {
            return Self::cut_off();
        }
        let (number, name) = (error.code(), error.kind());
        let mut kind = format!("{name} {number}");
        let mut code = None;
        let mut reason = name.to_owned();
        match error {
            RtmpError::Refused(status) => {
                code = Some(code_of(status).to_owned());
                kind = with_code(kind, &status.code);
                reason = said(&status.code, name);
            }
            RtmpError::Closed(close) => {
                kind = with_code(kind, &close.code);
                reason = said(&close.code, name);
            }
            RtmpError::HttpStatus(status) => {
                kind = format!("{kind} status {status}");
                reason = format!("{name} {status}");
            }
            _ => {}
        }
        Self {
            number,
            kind,
            code,
            reason,
        }
    }

    /// The end of a stream; none if it was by either side's will.
    pub(super) fn of_end(close: &Close) -> Option<Self> {
        let (number, name) = (close.ending.code(), close.ending.as_str());
        (!close.ending.is_clean()).then(|| Self {
            number,
            kind: with_code(format!("{name} {number}"), &close.code),
            code: None,
            reason: said(&close.code, name),
        })
    }

    pub(super) fn cut_off() -> Self {
        Self {
            number: CUT_OFF,
            kind: format!("cut-off {CUT_OFF}"),
            code: None,
            reason: "cut-off".to_owned(),
        }
    }
}

fn with_code(kind: String, code: &str) -> String {
    match code {
        "" => kind,
        code => format!("{kind} {}", cut(code, NAME_BYTES_MAX)),
    }
}

/// What the server said, or the name of the case.
fn said(code: &str, name: &str) -> String {
    match code {
        "" => name.to_owned(),
        code => cut(code, NAME_BYTES_MAX).to_owned(),
    }
}

/// What the journal says of a connect or a stream that failed: whoever follows a user is to see why it has no stream.
pub(super) fn write_failure(core: &Core, user: u64, name: &str, failure: &Failure) {
    core.journal.write(user, || JournalEvent::RequestFailed {
        code: failure.number,
        url: format!("{name}: {}", failure.reason).into(),
    });
}

/// What an error that a server said is counted as.
pub(super) fn code_of(status: &Status) -> &str {
    match status.code.as_str() {
        "" => "none",
        code => cut(code, NAME_BYTES_MAX),
    }
}

/// Count an error that a server said.
pub(super) fn record_error(recorder: &mut Recorder, tags: TagsId, code: &str) {
    let tags = recorder.derive(tags, &[("code", code)]);
    recorder.record(builtin::RTMP_ERRORS, tags, 1.0);
    recorder.kind(builtin::RTMP_ERRORS, code, 1.0);
}

impl Labelled {
    /// What the scenario asked for; `default_name` names what it did not.
    pub(super) fn new(
        core: &Rc<Core>,
        who: Identity,
        labels: Labels,
        default_name: impl FnOnce() -> String,
    ) -> Self {
        let name = labels.name.unwrap_or_else(default_name);
        let mut labelled = Self {
            core: core.clone(),
            who,
            group: labels.group,
            name: cut(&name, NAME_BYTES_MAX).into(),
            own: labels.tags.into(),
            tags: TagsId::EMPTY,
        };
        labelled.tags = labelled.with(&[]);
        labelled
    }

    /// The same for a stream of the connection, which may have a name and tags of its own.
    pub(crate) fn of_stream(&self, labels: Labels) -> Self {
        let own = self.own.iter().cloned().chain(labels.tags);
        Self {
            core: self.core.clone(),
            who: self.who,
            group: labels.group,
            name: match &labels.name {
                Some(name) => cut(name, NAME_BYTES_MAX).into(),
                None => self.name.clone(),
            },
            own: own.collect(),
            // A stream's own are made with its direction.
            tags: self.tags,
        }
    }

    pub(super) fn with(&self, extra: &[(&str, &str)]) -> TagsId {
        let own = self.own.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = std::iter::once(("name", &*self.name))
            .chain(extra.iter().copied())
            .chain(own)
            .map(|(name, value)| (cut(name, NAME_BYTES_MAX), cut(value, NAME_BYTES_MAX)))
            .collect();
        self.core.tags_with(self.who.role, self.group, &all)
    }

    /// Record what came of a connect.
    pub(super) fn record(&self, attempt: &Attempt, failure: Option<&Failure>) {
        let tags = match failure {
            Some(failure) => self.with(&[("error_code", &failure.number.to_string())]),
            None => self.tags,
        };
        let mut recorder = self.core.recorder.borrow_mut();
        let timings = &attempt.timings;
        recorder.record_time(builtin::RTMP_CONNECTING, tags, timings.total);
        if !timings.handshaking.is_zero() {
            recorder.record_time(builtin::RTMP_HANDSHAKE, tags, timings.handshaking);
        }
        if let Some(failure) = failure {
            recorder.record(builtin::RTMP_CONNECT_FAILED, tags, 1.0);
            recorder.kind(builtin::RTMP_CONNECT_FAILED, &failure.kind, 1.0);
            if let Some(code) = &failure.code {
                record_error(&mut recorder, self.tags, code);
            }
        } else {
            recorder.record(builtin::RTMP_CONNECT_FAILED, tags, 0.0);
            recorder.record(builtin::RTMP_CONNECTIONS, tags, 1.0);
        }
        let (sent, received) = (attempt.bytes_sent, attempt.bytes_received);
        record_bytes(&mut recorder, self.tags, sent, received);
        drop(recorder);
        if let Some(failure) = failure {
            write_failure(&self.core, self.who.id.0, &self.name, failure);
        }
    }

    /// Record a connect whose user ended before it was done.
    pub(super) fn record_cut_off(&self, total: Duration) {
        let attempt = Attempt {
            timings: ConnectTimings {
                total,
                ..ConnectTimings::default()
            },
            ..Attempt::default()
        };
        self.record(&attempt, Some(&Failure::cut_off()));
    }
}

#[cfg(test)]
mod tests {
    use lt_net::NetError;

    use super::*;

    fn status(code: &str) -> Status {
        Status {
            code: code.to_owned(),
            level: "error".to_owned(),
            description: "no".to_owned(),
        }
    }

    fn close(ending: Ending, code: &str) -> Close {
        Close {
            ending,
            code: code.to_owned(),
            reason: "why".to_owned(),
        }
    }

    #[test]
    fn a_failure_is_counted_as_its_name_the_number_of_its_tag_and_what_the_server_said() {
        for (error, kind, reason) in [
            (
                RtmpError::Refused(status("NetConnection.Connect.Rejected")),
                "refused 2101 NetConnection.Connect.Rejected",
                "NetConnection.Connect.Rejected",
            ),
            (RtmpError::Refused(status("")), "refused 2101", "refused"),
            (
                NetError::ConnectionRefused.into(),
                "connection-refused 1212",
                "connection-refused",
            ),
            (
                RtmpError::Handshake("HTTP".to_owned()),
                "handshake 2100",
                "handshake",
            ),
            (
                RtmpError::HttpStatus(404),
                "http-status 2106 status 404",
                "http-status 404",
            ),
            (RtmpError::Timeout, "timeout 1050", "timeout"),
            (
                RtmpError::Closed(close(Ending::Disconnected, "")),
                "disconnected 1221",
                "disconnected",
            ),
            (
                RtmpError::Closed(close(Ending::ByUs, "")),
                "cut-off 2120",
                "cut-off",
            ),
        ] {
            let failure = Failure::of(&error);
            assert_eq!(
                (failure.kind.as_str(), failure.reason.as_str()),
                (kind, reason)
            );
            let kind = failure.kind;
            assert!(kind.contains(&failure.number.to_string()));
        }
        let refused = Failure::of(&RtmpError::Refused(status("")));
        assert_eq!(refused.code.as_deref(), Some("none"));
    }

    #[test]
    fn an_end_by_either_sides_will_is_no_failure() {
        for ending in [Ending::ByUs, Ending::ByPeer] {
            assert_eq!(Failure::of_end(&close(ending, "NetStream.Play.Stop")), None);
        }
        let refused = close(Ending::Refused, "NetStream.Publish.BadName");
        let failure = Failure::of_end(&refused).unwrap();
        assert_eq!(failure.kind, "refused 2101 NetStream.Publish.BadName");
        assert_eq!(failure.reason, "NetStream.Publish.BadName");
        let reset = Failure::of_end(&close(Ending::Reset, "")).unwrap();
        assert_eq!(reset.kind, "reset 1220");
    }
}
