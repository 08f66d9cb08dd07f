//! The stream errors that this side sends (RFC 6120, section 4.9).

use super::channel::escape;
use super::framer::NS_STREAMS;

/// Conditions of stream errors.
const NS_STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";

/// A stream error with this condition and text, and an element that says more, or nothing. It names its own namespaces, so that
/// it may be a frame too.
pub(crate) fn write(condition: &str, text: &str, application: &str) -> String {
    let text = if text.is_empty() {
        String::new()
    } else {
        format!("<text xmlns='{NS_STREAM_ERRORS}'>{}</text>", escape(text))
    };
    format!(
        "<stream:error xmlns:stream='{NS_STREAMS}'><{condition} xmlns='{NS_STREAM_ERRORS}'/>{text}{application}</stream:error>"
    )
}
