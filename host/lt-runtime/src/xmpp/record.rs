//! What is recorded of a connect.

use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{TagsId, builtin};
use lt_net::xmpp::{Attempt, StanzaKind, XmppError};
use lt_spec::limits::NAME_BYTES_MAX;

use super::CUT_OFF;
use crate::core::{Core, record_bytes};
use crate::ctx::Identity;
use crate::interfaces::cut;
use crate::sockets::Labels;

/// Whose connect it is, and what its samples are tagged with.
pub(super) struct Labelled<'a> {
    pub(super) core: &'a Rc<Core>,
    pub(super) who: Identity,
    labels: &'a Labels,
    /// Tags of the session's samples, beside what comes of it.
    pub(super) tags: TagsId,
    name: &'a str,
}

/// Why a connect failed.
pub(super) struct Failure {
    /// Number for the tag `error_code`.
    number: u16,
    /// What the summary counts it as.
    kind: String,
    /// What the server named, if it did.
    condition: Option<String>,
}

impl Failure {
    pub(super) fn of(error: &XmppError) -> Self {
        let (number, name) = error.number_and_name();
        let condition = error.condition();
        let kind = match (error, condition) {
            (XmppError::Net(_), _) => format!("network {name} {number}"),
            (XmppError::StepTimeout(step) | XmppError::NotOffered(step), _) => {
                format!("{name} {step} {number}")
            }
            (XmppError::UpgradeRefused(status), _) => format!("{name} {number} status {status}"),
            (_, Some(condition)) => format!("{name} {condition} {number}"),
            (_, None) => format!("{name} {number}"),
        };
        Self {
            number,
            kind,
            condition: condition.map(str::to_owned),
        }
    }
}

impl<'a> Labelled<'a> {
    pub(super) fn new(
        core: &'a Rc<Core>,
        who: Identity,
        labels: &'a Labels,
        name: &'a str,
    ) -> Self {
        let mut labelled = Self {
            core,
            who,
            labels,
            tags: TagsId::EMPTY,
            name,
        };
        labelled.tags = labelled.with(&[]);
        labelled
    }

    /// Tags of the user where it connected.
    pub(super) fn user_tags(&self) -> TagsId {
        self.core.tags_of_group(self.who.role, self.labels.group)
    }

    fn with(&self, extra: &[(&str, &str)]) -> TagsId {
        let own = self.labels.tags.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = std::iter::once(("name", self.name))
            .chain(extra.iter().copied())
            .chain(own)
            .map(|(name, value)| (cut(name, NAME_BYTES_MAX), cut(value, NAME_BYTES_MAX)))
            .collect();
        self.core.tags_with(self.who.role, self.labels.group, &all)
    }

    /// Record what came of a connect.
    pub(super) fn record(&self, attempt: &Attempt, failure: Option<&Failure>) {
        let failed = attempt.failed.as_deref();
        let failed_tags = failure.map(|failure| self.failed_tags(failure, failed));
        // A step is a part of the whole, which must not be taken for one.
        let (whole, with_step) = failed_tags.unwrap_or((self.tags, self.tags));
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record_time(builtin::XMPP_CONNECTING, whole, attempt.total);
        let steps = attempt.steps.len();
        for (place, (step, took)) in attempt.steps.iter().enumerate() {
            let is_failed = place + 1 == steps && failed == Some(step);
            let tags = if is_failed { whole } else { self.tags };
            let part = ("step", cut(step, NAME_BYTES_MAX));
            recorder.record_part(builtin::XMPP_CONNECTING, tags, part, *took);
        }
        if let Some(failure) = failure {
            recorder.record(builtin::XMPP_CONNECT_FAILED, with_step, 1.0);
            recorder.kind(builtin::XMPP_CONNECT_FAILED, &failure.kind, 1.0);
            if let Some(condition) = &failure.condition {
                let condition = cut(condition, NAME_BYTES_MAX);
                let tags = recorder.derive(self.tags, &[("condition", condition)]);
                recorder.record(builtin::XMPP_ERRORS, tags, 1.0);
                recorder.kind(builtin::XMPP_ERRORS, condition, 1.0);
            }
        } else {
            recorder.record(builtin::XMPP_CONNECT_FAILED, with_step, 0.0);
            recorder.record(builtin::XMPP_SESSIONS, self.tags, 1.0);
        }
        for kind in StanzaKind::ALL {
            for (metric, counts) in [
                (builtin::XMPP_STANZAS_SENT, &attempt.sent),
                (builtin::XMPP_STANZAS_RECEIVED, &attempt.received),
            ] {
                let count = counts.get(kind.index()).copied().unwrap_or(0);
                if count > 0 {
                    let tags = recorder.derive(self.tags, &[("kind", kind.as_str())]);
                    recorder.record(metric, tags, f64::from(count));
                }
            }
        }
        let (sent, received) = (attempt.bytes_sent, attempt.bytes_received);
        record_bytes(&mut recorder, self.tags, sent, received);
    }

    /// Record a connect whose user ended before it was done.
    pub(super) fn record_cut_off(&self, total: Duration) {
        let attempt = Attempt {
            total,
            ..Attempt::default()
        };
        let failure = Failure {
            number: CUT_OFF,
            kind: format!("cut-off {CUT_OFF}"),
            condition: None,
        };
        self.record(&attempt, Some(&failure));
    }

    /// Tags of a connect that failed, without and with the step that did.
    fn failed_tags(&self, failure: &Failure, step: Option<&str>) -> (TagsId, TagsId) {
        let number = failure.number.to_string();
        let mut extra = vec![("error_code", number.as_str())];
        extra.extend(failure.condition.as_deref().map(|it| ("condition", it)));
        let whole = self.with(&extra);
        extra.extend(step.map(|step| ("step", step)));
        (whole, self.with(&extra))
    }
}

#[cfg(test)]
mod tests {
    use lt_net::NetError;
    use lt_net::xmpp::Condition;

    use super::*;

    #[test]
    fn a_failed_connect_is_counted_as_its_name_its_condition_and_the_number_of_its_tag() {
        let condition = Condition {
            condition: "not-authorized".to_owned(),
            text: "no".to_owned(),
        };
        let fault = Condition {
            condition: "not-well-formed".to_owned(),
            text: "half an element".to_owned(),
        };
        let nonsense = Condition {
            condition: String::new(),
            text: "no form".to_owned(),
        };
        for (error, kind) in [
            (XmppError::Sasl(condition), "sasl not-authorized 2004"),
            (XmppError::Protocol(fault), "protocol not-well-formed 2007"),
            (XmppError::Protocol(nonsense), "protocol 2007"),
            (
                NetError::ConnectionRefused.into(),
                "network connection-refused 1212",
            ),
            (
                XmppError::StepTimeout("bind".to_owned()),
                "step-timeout bind 1050",
            ),
            (
                XmppError::UpgradeRefused(403),
                "upgrade-refused 2001 status 403",
            ),
            (XmppError::NoMechanism(Vec::new()), "no-mechanism 2003"),
        ] {
            let failure = Failure::of(&error);
            assert_eq!(failure.kind, kind);
            assert!(kind.contains(&failure.number.to_string()));
        }
    }
}
