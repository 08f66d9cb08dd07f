//! Between the contract's types and ours. What the guest gives is held to its bounds here.

use lt_net::websocket::{
    Close, ConnectError, ConnectOptions, ConnectRequest, Content, Ending, Message, Socket,
    Statistics, is_close_code,
};
use lt_spec::limits::{INBOX_BYTES_MAX, WS_CLOSE_REASON_BYTES_MAX, WS_MESSAGE_BYTES_DEFAULT};

use super::invalid;
use crate::bindings::websocket as wit;
use crate::bindings::websocket::ErrorCode;
use crate::core::GroupId;
use crate::interfaces::inbox::{self, size};
use crate::interfaces::timing::{duration, nanos, to_guest};
use crate::sockets::Labels;
use crate::sockets::patterns::{KeyText, PatternError, PatternText};

/// A request of the guest, and what its samples are tagged with.
pub(super) fn request(
    request: wit::Request,
    group: GroupId,
) -> Result<(ConnectRequest, Labels), ErrorCode> {
    let given = request.options.unwrap_or(wit::ConnectOptions {
        timeout: None,
        max_redirects: None,
        message_bytes_max: None,
        fragment_bytes: None,
        inbox: None,
        name: None,
        tags: Vec::new(),
    });
    let message_bytes_max = given.message_bytes_max.unwrap_or(WS_MESSAGE_BYTES_DEFAULT);
    let bounds = (1, INBOX_BYTES_MAX);
    within("options.message-bytes-max", message_bytes_max, bounds)?;
    if given.timeout == Some(0) {
        return Err(invalid("options.timeout", "it is zero"));
    }
    if let Some(bytes) = given.fragment_bytes {
        within("options.fragment-bytes", bytes, (1, u32::MAX))?;
    }
    let options = ConnectOptions {
        timeout: given.timeout.map(duration),
        max_redirects: given.max_redirects,
        message_bytes_max: size(message_bytes_max),
        fragment_bytes: given.fragment_bytes.map(size),
        inbox: inbox::options(given.inbox, message_bytes_max).map_err(ErrorCode::InvalidRequest)?,
    };
    let tags = given.tags.into_iter();
    let labels = Labels {
        group,
        name: given.name,
        tags: tags.map(|tag| (tag.name, tag.value)).collect(),
    };
    let request = ConnectRequest {
        url: request.url,
        headers: request.headers,
        subprotocols: request.subprotocols,
        options,
    };
    Ok((request, labels))
}

fn within(field: &str, value: u32, bounds: (u32, u32)) -> Result<(), ErrorCode> {
    inbox::within(field, value, bounds).map_err(ErrorCode::InvalidRequest)
}

/// Whether a close frame may be sent with this (RFC 6455, sections 5.5.1 and 7.4).
pub(super) fn check_close(code: Option<u16>, reason: &str) -> Result<(), ErrorCode> {
    match code {
        None if !reason.is_empty() => {
            return Err(invalid("reason", "a close frame has none without a code"));
        }
        Some(code) if !is_close_code(code) => {
            return Err(invalid("code", format!("{code} may not be sent")));
        }
        None | Some(_) => {}
    }
    if reason.len() > WS_CLOSE_REASON_BYTES_MAX {
        let fault = format!("longer than {WS_CLOSE_REASON_BYTES_MAX} bytes");
        return Err(invalid("reason", fault));
    }
    Ok(())
}

pub(super) fn content(content: wit::Content) -> Content {
    match content {
        wit::Content::Text(text) => Content::Text(text.into_boxed_str()),
        wit::Content::Binary(bytes) => Content::Binary(bytes.into_boxed_slice()),
    }
}

/// Bytes of what the guest wants to send.
pub(super) fn length(content: &wit::Content) -> usize {
    match content {
        wit::Content::Text(text) => text.len(),
        wit::Content::Binary(bytes) => bytes.len(),
    }
}

pub(super) fn pattern(pattern: wit::Pattern) -> PatternText {
    match pattern {
        wit::Pattern::Any => PatternText::Any,
        wit::Pattern::Contains(text) => PatternText::Contains(text),
        wit::Pattern::Regex(text) => PatternText::Regex(text),
        wit::Pattern::Json((pointer, value)) => PatternText::Json(pointer, value),
    }
}

pub(super) fn key(key: wit::Key) -> KeyText {
    KeyText {
        pointer: key.pointer,
        regex: key.regex,
    }
}

pub(super) fn pattern_error(field: &str, error: PatternError) -> ErrorCode {
    match error {
        PatternError::Invalid(fault) => invalid(field, fault),
        PatternError::TooMany => ErrorCode::TooMany(
            "the users of this core hold as many different patterns as they may".to_owned(),
        ),
    }
}

impl From<Message> for wit::Message {
    fn from(message: Message) -> Self {
        Self {
            content: match message.content {
                Content::Text(text) => wit::Content::Text(text.into_string()),
                Content::Binary(bytes) => wit::Content::Binary(bytes.into_vec()),
            },
            arrived: to_guest(message.arrived),
        }
    }
}

impl From<Close> for wit::Close {
    fn from(close: Close) -> Self {
        Self {
            code: close.code,
            reason: close.reason,
            ending: match close.ending {
                Ending::ByUs => wit::Ending::ByUs,
                Ending::ByPeer => wit::Ending::ByPeer,
                Ending::Disconnected => wit::Ending::Disconnected,
                Ending::Reset => wit::Ending::Reset,
                Ending::ProtocolError => wit::Ending::ProtocolError,
                Ending::InvalidUtf8 => wit::Ending::InvalidUtf8,
                Ending::MessageTooLarge => wit::Ending::MessageTooLarge,
                Ending::InboxOverflow => wit::Ending::InboxOverflow,
                Ending::PingTimeout => wit::Ending::PingTimeout,
                Ending::CloseTimeout => wit::Ending::CloseTimeout,
                Ending::Failed => wit::Ending::Failed,
            },
        }
    }
}

impl From<Close> for ErrorCode {
    fn from(close: Close) -> Self {
        Self::Closed(close.into())
    }
}

impl From<ConnectError> for ErrorCode {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Net(lt_net::NetError::InvalidRequest(text)) => Self::InvalidRequest(text),
            ConnectError::Net(error) => Self::Http(error.into()),
            ConnectError::Refused(refusal) => Self::Refused(wit::Refusal {
                status: refusal.status,
                headers: refusal.headers,
                body: refusal.body,
            }),
            ConnectError::Handshake(text) => Self::Handshake(text),
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
            pings_received: found.pings_received,
            unsent_bytes: found.unsent_bytes as u64,
            last_ping: found.last_ping.map(nanos),
        }
    }
}

/// Where the time of connecting went.
pub(super) fn timings(socket: &Socket) -> wit::Timings {
    let timings = socket.timings();
    wit::Timings {
        blocked: nanos(timings.blocked),
        resolving: nanos(timings.resolving),
        connecting: nanos(timings.connecting),
        tls_handshaking: nanos(timings.tls),
        upgrading: nanos(timings.duration()),
        total: nanos(socket.total()),
    }
}

#[cfg(test)]
mod tests {
    use lt_spec::limits::INBOX_MESSAGES_MAX;

    use super::*;

    fn asked(options: wit::ConnectOptions) -> wit::Request {
        wit::Request {
            url: "ws://a.example".to_owned(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            options: Some(options),
        }
    }

    fn options() -> wit::ConnectOptions {
        wit::ConnectOptions {
            timeout: None,
            max_redirects: None,
            message_bytes_max: None,
            fragment_bytes: None,
            inbox: None,
            name: None,
            tags: Vec::new(),
        }
    }

    fn inbox(messages_max: u32, bytes_max: u32) -> Option<wit::Inbox> {
        Some(wit::Inbox {
            messages_max: Some(messages_max),
            bytes_max: Some(bytes_max),
            overflow: None,
        })
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let of = |options| match request(asked(options), GroupId::ROOT) {
            Err(ErrorCode::InvalidRequest(text)) => text,
            Err(other) => panic!("{other:?}"),
            Ok(_) => String::new(),
        };
        let message_bytes_max = Some(INBOX_BYTES_MAX + 1);
        let none = Some(0);
        for (field, options) in [
            ("", options()),
            (
                "",
                wit::ConnectOptions {
                    inbox: inbox(0, 0),
                    ..options()
                },
            ),
            (
                "options.message-bytes-max:",
                wit::ConnectOptions {
                    message_bytes_max,
                    ..options()
                },
            ),
            (
                "options.fragment-bytes:",
                wit::ConnectOptions {
                    fragment_bytes: none,
                    ..options()
                },
            ),
            (
                "options.inbox.bytes-max:",
                wit::ConnectOptions {
                    inbox: inbox(1, INBOX_BYTES_MAX + 1),
                    ..options()
                },
            ),
            (
                "options.inbox.messages-max:",
                wit::ConnectOptions {
                    inbox: inbox(INBOX_MESSAGES_MAX + 1, 1),
                    ..options()
                },
            ),
        ] {
            let text = of(options);
            assert!(
                text.starts_with(field) && text.is_empty() == field.is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn close_frames_may_carry_what_the_rfc_lets_an_endpoint_send() {
        for code in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999] {
            assert!(check_close(Some(code), "bye").is_ok(), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert!(check_close(Some(code), "").is_err(), "{code}");
        }
        assert!(check_close(None, "").is_ok());
        assert!(check_close(None, "bye").is_err());
        let longest = "x".repeat(WS_CLOSE_REASON_BYTES_MAX);
        assert!(check_close(Some(1000), &longest).is_ok());
        assert!(check_close(Some(1000), &format!("{longest}x")).is_err());
    }
}
