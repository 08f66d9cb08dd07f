//! From our types to the contract's.

use lt_net::NetError;
use lt_net::xmpp::{
    Close, Condition, Connected, Ending, Stanza, StanzaError, Statistics, XmppError,
};

use crate::bindings::xmpp as wit;
use crate::bindings::xmpp::ErrorCode;
use crate::interfaces::timing::{nanos, to_guest};

impl From<Stanza> for wit::Stanza {
    fn from(stanza: Stanza) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            name: stanza.name().to_owned(),
            kind: owned(stanza.kind()),
            from: owned(stanza.from()),
            to: owned(stanza.to()),
            id: owned(stanza.id()),
            xml: stanza.xml().to_owned(),
            arrived: to_guest(stanza.arrived()),
        }
    }
}

impl From<Close> for wit::Close {
    fn from(close: Close) -> Self {
        Self {
            ending: match close.ending {
                Ending::ByUs => wit::Ending::ByUs,
                Ending::Killed => wit::Ending::Killed,
                Ending::ByPeer => wit::Ending::ByPeer,
                Ending::StreamError => wit::Ending::StreamError,
                Ending::Disconnected => wit::Ending::Disconnected,
                Ending::Reset => wit::Ending::Reset,
                Ending::ProtocolError => wit::Ending::ProtocolError,
                Ending::StanzaTooLarge => wit::Ending::StanzaTooLarge,
                Ending::InboxOverflow => wit::Ending::InboxOverflow,
                Ending::PingTimeout => wit::Ending::PingTimeout,
                Ending::CloseTimeout => wit::Ending::CloseTimeout,
                Ending::Failed => wit::Ending::Failed,
            },
            condition: close.condition,
            text: close.text,
        }
    }
}

impl From<Close> for ErrorCode {
    fn from(close: Close) -> Self {
        Self::Closed(close.into())
    }
}

impl From<Condition> for wit::StreamError {
    fn from(condition: Condition) -> Self {
        Self {
            condition: condition.condition,
            text: condition.text,
        }
    }
}

impl From<StanzaError> for wit::StanzaError {
    fn from(error: StanzaError) -> Self {
        Self {
            condition: error.condition,
            kind: error.kind,
            text: error.text,
            xml: error.xml.into_string(),
        }
    }
}

impl From<XmppError> for ErrorCode {
    fn from(error: XmppError) -> Self {
        match error {
            XmppError::Net(NetError::InvalidRequest(text)) => Self::InvalidRequest(text),
            // The time for all of connecting is over.
            XmppError::Net(NetError::Timeout) | XmppError::Timeout => Self::Timeout,
            XmppError::Net(NetError::AlreadyFinished) => Self::AlreadyFinished,
            XmppError::Net(NetError::Other(text)) => Self::Other(text),
            XmppError::Net(error) => Self::Network(error.into()),
            XmppError::UpgradeRefused(status) => Self::UpgradeRefused(status),
            XmppError::StartTlsRefused(text) => Self::StarttlsRefused(text),
            XmppError::NoMechanism(offered) => Self::NoMechanism(offered),
            XmppError::Sasl(condition) => Self::Sasl(condition.into()),
            XmppError::ServerNotTrusted(text) => Self::ServerNotTrusted(text),
            XmppError::Stream(condition) => Self::Stream(condition.into()),
            XmppError::Protocol(fault) => Self::Protocol(fault.text),
            XmppError::TooLarge(fault) => Self::TooLargeReceived(fault.text),
            XmppError::Refused(error) => Self::Refused((*error).into()),
            XmppError::StepTimeout(step) => Self::StepTimeout(step),
            XmppError::NotOffered(step) => Self::NotOffered(step),
            XmppError::Closed(close) => close.into(),
        }
    }
}

impl From<Statistics> for wit::Statistics {
    fn from(found: Statistics) -> Self {
        Self {
            sent: found.sent,
            received: found.received,
            dropped: found.dropped,
            waiting: u32::try_from(found.waiting).unwrap_or(u32::MAX),
            unsent_bytes: found.unsent_bytes as u64,
            unacknowledged: found.unacknowledged,
            handled: found.handled,
        }
    }
}

impl From<&Connected> for wit::Connected {
    fn from(found: &Connected) -> Self {
        let steps = found.steps.iter();
        Self {
            jid: found.jid.clone(),
            mechanism: found.mechanism.to_owned(),
            tls_version: found.tls_version.to_owned(),
            remote_address: found.remote.to_string(),
            resumed: found.resumed,
            features: found.features.clone(),
            steps: steps
                .map(|(step, took)| (step.to_string(), nanos(*took)))
                .collect(),
            total: nanos(found.total),
        }
    }
}
