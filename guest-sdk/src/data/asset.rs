//! Files of the run.

use super::{Error, Result};
use crate::bindings::lt::scenario::data as host;

/// Most bytes that the host hands over in one call.
const READ_BYTES_MAX: u64 = 16 << 20;

/// A file of the run. All users share the host's copy; what is read becomes the user's own memory, and is multiplied by the
/// number of users.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let video = lt_sdk::data::asset("video")?;
/// let header = video.read(0, 13)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Asset {
    name: String,
    size: u64,
}

/// The asset that `--asset NAME=FILE` gives this name.
///
/// # Errors
/// If the run has none of this name.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let words = lt_sdk::data::asset("words")?.read_text()?;
/// # Ok(())
/// # }
/// ```
pub fn asset(name: impl Into<String>) -> Result<Asset> {
    let name = name.into();
    let size = host::asset_size(&name)?;
    Ok(Asset { name, size })
}

impl Asset {
    /// Size in bytes.
    ///
    /// ```no_run
    /// # fn show(video: &lt_sdk::data::Asset) -> bool {
    /// video.size() > 1 << 20
    /// # }
    /// ```
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// At most `length` bytes (and at most 16 MiB) from `offset`; empty behind the end.
    ///
    /// # Errors
    /// None that a place in the file can cause.
    ///
    /// ```no_run
    /// # fn show(video: &lt_sdk::data::Asset) -> lt_sdk::Result<()> {
    /// let second_kilobyte = video.read(1024, 1024)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        Ok(host::asset_read(&self.name, offset, length)?)
    }

    /// All of it.
    ///
    /// # Errors
    /// If it does not fit the address space of a user.
    ///
    /// ```no_run
    /// # fn show(picture: &lt_sdk::data::Asset) -> lt_sdk::Result<()> {
    /// let bytes = picture.read_all()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_all(&self) -> Result<Vec<u8>> {
        if self.size <= READ_BYTES_MAX {
            return self.read(0, READ_BYTES_MAX as u32);
        }
        // Room for all at once: growing would leave the pages of each smaller copy behind.
        let size = usize::try_from(self.size).map_err(|_| Error::TooLarge(self.size))?;
        let mut bytes = Vec::with_capacity(size);
        while (bytes.len() as u64) < self.size {
            let part = self.read(bytes.len() as u64, READ_BYTES_MAX as u32)?;
            if part.is_empty() {
                break;
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }

    /// All of it, as text.
    ///
    /// # Errors
    /// If it is no UTF-8.
    ///
    /// ```no_run
    /// # fn show(words: &lt_sdk::data::Asset) -> lt_sdk::Result<()> {
    /// let text = words.read_text()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_text(&self) -> Result<String> {
        String::from_utf8(self.read_all()?).map_err(|_| Error::NotText)
    }
}
