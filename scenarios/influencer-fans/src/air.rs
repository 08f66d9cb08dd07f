//! What the influencer says to the fans: that it is on the air, and as whom.

use lt_sdk::coordination::{self, Error as CoordinationError};
use lt_sdk::json::{self, Value};
use lt_sdk::prelude::*;

/// Under what the store has it while it is so.
const KEY: &str = "influencer-fans on the air";

/// How often a fan that waits looks by itself: the influencer writes to those that are there when it begins.
const LOOK: Duration = Duration::from_secs(5);

/// Who is on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnAir {
    /// The influencer's id at the service, a number or a text; nothing without one.
    pub(crate) id: Value,
    /// The stream's name.
    pub(crate) stream: String,
}

impl OnAir {
    fn write(&self) -> String {
        lt_sdk::json!({ "id": self.id.clone(), "stream": self.stream.clone() }).to_string()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let value: Value = json::from_slice(bytes).ok()?;
        Some(Self {
            id: value["id"].clone(),
            stream: value["stream"].as_str()?.to_owned(),
        })
    }

    /// Tell the fans, those that come later too.
    ///
    /// # Errors
    /// If the store is full.
    pub(crate) fn announce(&self) -> Result<()> {
        data::store(KEY, self.write())?;
        match coordination::send_to_role(crate::FAN, b"on the air") {
            Ok(_) | Err(CoordinationError::NoRecipient | CoordinationError::Stopping) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Nobody is on the air, or no longer.
///
/// # Errors
/// None that a key of its own can cause.
pub(crate) fn end() -> Result<()> {
    data::remove(KEY)?;
    Ok(())
}

/// Wait until somebody is on the air.
///
/// # Errors
/// If the user is asked to end.
pub(crate) fn wait() -> Result<OnAir> {
    loop {
        if let Some(on_air) = data::load(KEY)?.as_deref().and_then(OnAir::read) {
            return Ok(on_air);
        }
        match coordination::receive(LOOK) {
            Ok(_) | Err(CoordinationError::Timeout) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for id in [Value::Null, lt_sdk::json!(17), lt_sdk::json!("a\"b")] {
            let stream = "star\n".to_owned();
            let on_air = OnAir { id, stream };
            assert_eq!(OnAir::read(on_air.write().as_bytes()), Some(on_air));
        }
        assert_eq!(OnAir::read(b"{}"), None);
        assert_eq!(OnAir::read(b""), None);
    }
}
