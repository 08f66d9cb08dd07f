//! What is sent and what comes.

#[cfg(feature = "json")]
use super::{Error, Result};
use crate::bindings::lt::scenario::websocket as host;
use crate::timing::Instant;

/// What a message carries.
///
/// ```
/// use lt_sdk::websocket::Content;
///
/// assert_eq!(Content::from("hello"), Content::Text("hello".to_owned()));
/// assert_eq!(Content::from([1, 2, 3]), Content::Binary(vec![1, 2, 3]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// Any bytes.
    Binary(Vec<u8>),
}

impl Content {
    /// The bytes of either.
    ///
    /// ```
    /// assert_eq!(lt_sdk::websocket::Content::from("hello").as_bytes(), b"hello");
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<Content> for host::Content {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<host::Content> for Content {
    fn from(content: host::Content) -> Self {
        match content {
            host::Content::Text(text) => Self::Text(text),
            host::Content::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_owned())
    }
}

impl<const N: usize> From<[u8; N]> for Content {
    fn from(bytes: [u8; N]) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// A message that came.
///
/// ```no_run
/// # fn look(message: &lt_sdk::websocket::Message, sent: lt_sdk::timing::Instant) -> lt_sdk::Result<()> {
/// lt_sdk::check!("greets", message.text() == Some("hello"));
/// lt_sdk::metrics::Trend::open("answer_time")?.add_duration(message.arrived - sent)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// What it says; a message that came in fragments is whole.
    pub content: Content,
    /// When its last byte came to this machine, by the kernel's stamp. Messages that lay in the kernel together have that of the last
    /// byte among them: too late by no more than the host was late to read.
    pub arrived: Instant,
}

impl Message {
    pub(super) fn from_host(message: host::Message) -> Self {
        Self {
            content: message.content.into(),
            arrived: Instant::from_nanos(message.arrived),
        }
    }

    /// The text, if it is one.
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::websocket::Message) {
    /// let text = message.text().unwrap_or_default();
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Binary(_) => None,
        }
    }

    /// The bytes, if it is binary.
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::websocket::Message) {
    /// let length = message.binary().map_or(0, <[u8]>::len);
    /// # }
    /// ```
    #[must_use]
    pub fn binary(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Text(_) => None,
            Content::Binary(bytes) => Some(bytes),
        }
    }

    /// The message, text or binary, read as JSON.
    ///
    /// # Errors
    /// If it is no JSON of this form.
    ///
    /// ```no_run
    /// use lt_sdk::json::Value;
    ///
    /// # fn look(message: &lt_sdk::websocket::Message) -> lt_sdk::Result<()> {
    /// let value: Value = message.json()?;
    /// lt_sdk::check!("is chat", value["type"].as_str() == Some("chat"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        crate::json::from_slice(self.content.as_bytes())
            .map_err(|error| Error::Json(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: host::Content) -> Message {
        Message::from_host(host::Message {
            content,
            arrived: 7,
        })
    }

    #[test]
    fn messages_are_what_they_came_as() {
        let text = message(host::Content::Text("[1]".into()));
        assert_eq!((text.text(), text.binary()), (Some("[1]"), None));
        assert_eq!(text.arrived, Instant::from_nanos(7));
        let binary = message(host::Content::Binary(b"[2]".to_vec()));
        assert_eq!((binary.text(), binary.binary()), (None, Some(&b"[2]"[..])));
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_is_read_from_either() {
        let text = message(host::Content::Text("[1]".into()));
        assert_eq!(text.json::<Vec<u8>>().unwrap(), [1]);
        let binary = message(host::Content::Binary(b"[2]".to_vec()));
        assert_eq!(binary.json::<Vec<u8>>().unwrap(), [2]);
        let fault = message(host::Content::Text("[".into()));
        assert!(matches!(fault.json::<Vec<u8>>(), Err(Error::Json(_))));
    }
}
