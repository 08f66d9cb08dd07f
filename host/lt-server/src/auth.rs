//! Who may call: whoever shows the token.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The token that callers must show. Kept as its SHA-256, so that comparing takes the same time whatever is shown, and
/// nothing that prints it can leak it.
#[derive(Clone, Debug)]
pub struct Token {
    digest: [u8; 32],
}

impl Token {
    /// From its text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            digest: Sha256::digest(text.as_bytes()).into(),
        }
    }

    /// Whether this is it.
    #[must_use]
    pub fn matches(&self, shown: &[u8]) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        self.digest.ct_eq(&shown).into()
    }
}
