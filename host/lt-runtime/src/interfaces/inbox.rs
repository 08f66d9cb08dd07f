//! Room for what comes and nobody has asked for yet: of WebSockets, of XMPP sessions and of players, which have the same.

use lt_net::websocket::{InboxOptions, Overflow};
use lt_spec::limits::{
    INBOX_BYTES_DEFAULT, INBOX_BYTES_MAX, INBOX_MESSAGES_DEFAULT, INBOX_MESSAGES_MAX,
};

use crate::bindings::websocket as wit;

/// What the guest asked for. Unless it says otherwise, an inbox has room for the longest message.
///
/// # Errors
/// Naming the field.
pub(crate) fn options(
    given: Option<wit::Inbox>,
    message_bytes_max: u32,
) -> Result<InboxOptions, String> {
    let given = given.unwrap_or(wit::Inbox {
        messages_max: None,
        bytes_max: None,
        overflow: None,
    });
    let messages = given.messages_max.unwrap_or(INBOX_MESSAGES_DEFAULT);
    let bounds = (0, INBOX_MESSAGES_MAX);
    within("options.inbox.messages-max", messages, bounds)?;
    let roomy = INBOX_BYTES_DEFAULT.max(message_bytes_max);
    let bytes = given.bytes_max.unwrap_or(roomy);
    within("options.inbox.bytes-max", bytes, (0, INBOX_BYTES_MAX))?;
    Ok(InboxOptions {
        messages_max: size(messages),
        bytes_max: size(bytes),
        overflow: match given.overflow {
            None | Some(wit::Overflow::DropOldest) => Overflow::DropOldest,
            Some(wit::Overflow::DropNewest) => Overflow::DropNewest,
            Some(wit::Overflow::Pause) => Overflow::Pause,
            Some(wit::Overflow::Close) => Overflow::Close,
        },
    })
}

/// Whether a number lies between its bounds, both included.
///
/// # Errors
/// Naming the field.
pub(crate) fn within(field: &str, value: u32, (least, most): (u32, u32)) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!(
        "{field}: {value} is not between {least} and {most}"
    ))
}

/// A guest's number of bytes or messages as ours.
pub(crate) fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
