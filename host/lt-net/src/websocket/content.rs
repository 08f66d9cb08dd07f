//! What a message carries.

use super::{Borrowed, Content, Message};
use crate::inbox::Incoming;

impl Incoming for Message {
    fn bytes(&self) -> usize {
        self.content.len()
    }
}

impl Content {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What goes over the connection.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// To look at it.
    #[must_use]
    pub fn borrow(&self) -> Borrowed<'_> {
        match self {
            Self::Text(text) => Borrowed::Text(text),
            Self::Binary(bytes) => Borrowed::Binary(bytes),
        }
    }
}

impl Borrowed<'_> {
    /// A copy of its own.
    #[must_use]
    pub fn to_content(self) -> Content {
        match self {
            Self::Text(text) => Content::Text(text.into()),
            Self::Binary(bytes) => Content::Binary(bytes.into()),
        }
    }
}
