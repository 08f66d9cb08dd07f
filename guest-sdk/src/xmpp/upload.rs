//! Files over HTTP (XEP-0363): ask for a slot, put the file there, send the address.
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::xmpp::{self, Session, upload};
//!
//! # fn iterate(session: &Session) -> Result<()> {
//! let picture = vec![0; 20_000];
//! let request = upload::slot("upload.localhost", "picture.jpg", picture.len() as u64, "image/jpeg");
//! let slot = upload::read_slot(&session.request(&request)?)?;
//! slot.put(picture).send()?.error_for_status()?;
//! session.send(&upload::share("bob@localhost", &slot))?;
//! # Ok(())
//! # }
//! ```

use super::queries::addressed;
use super::{Element, Error, Result, Stanza};
use crate::http;

const UPLOAD: &str = "urn:xmpp:http:upload:0";

/// Ask a service for a place for a file of this many bytes (XEP-0363, section 5); an empty type is none.
///
/// ```
/// let request = lt_sdk::xmpp::upload::slot("upload.localhost", "a.jpg", 20_000, "image/jpeg");
/// assert!(request.to_string().contains("filename='a.jpg' size='20000' content-type='image/jpeg'"));
/// ```
pub fn slot(service: &str, filename: &str, size: u64, content_type: &str) -> Element {
    let content_type = Some(content_type).filter(|content_type| !content_type.is_empty());
    let request = Element::new("request")
        .namespace(UPLOAD)
        .attribute("filename", filename)
        .attribute("size", size.to_string())
        .attribute_some("content-type", content_type);
    addressed(super::get(request), service)
}

/// A place for a file.
///
/// ```no_run
/// # fn look(slot: &lt_sdk::xmpp::upload::Slot) {
/// lt_sdk::log::info!("it will be at {}", slot.get_url);
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slot {
    /// Where to put the file.
    pub put_url: String,
    /// Header fields that this needs.
    pub headers: Vec<(String, String)>,
    /// Where others get it.
    pub get_url: String,
}

impl Slot {
    /// The request that puts the file there (XEP-0363, section 6).
    ///
    /// ```no_run
    /// # fn iterate(slot: &lt_sdk::xmpp::upload::Slot) -> lt_sdk::Result<()> {
    /// slot.put("the file").name("upload").send()?.error_for_status()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn put(&self, file: impl Into<Vec<u8>>) -> http::Request {
        let request = http::put(self.put_url.as_str()).body(file);
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| {
            request.header(name.as_str(), value)
        })
    }
}

/// The slot in an answer to [`slot`].
///
/// # Errors
/// If there is none in it.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::upload;
///
/// let slot = upload::read_slot(&session.request(&upload::slot("upload.localhost", "a.txt", 5, ""))?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_slot(answer: &Stanza) -> Result<Slot> {
    let slot = answer.payload("slot", UPLOAD)?;
    let url = |path| {
        slot.value(path)
            .ok_or(Error::Xml("there is no URL in the slot"))
    };
    let headers = slot.first("put", UPLOAD).into_iter();
    let headers = headers.flat_map(|put| put.all("header", UPLOAD));
    Ok(Slot {
        put_url: url("put@url")?,
        headers: headers
            .filter_map(|header| Some((header.attr("name")?.to_owned(), header.content())))
            .collect(),
        get_url: url("get@url")?,
    })
}

/// The message that tells somebody where a file is: its address as the body and out of band (XEP-0066, section 3).
///
/// ```
/// let message = lt_sdk::xmpp::upload::share("bob@localhost", &lt_sdk::xmpp::upload::Slot::default());
/// assert!(message.first("x", "jabber:x:oob").is_some());
/// ```
pub fn share(to: impl Into<String>, slot: &Slot) -> Element {
    let url = Element::new("url").text(slot.get_url.as_str());
    let out_of_band = Element::new("x").namespace("jabber:x:oob").child(url);
    super::chat(to, slot.get_url.as_str()).child(out_of_band)
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let read: xmpp_parsers::http_upload::SlotRequest =
            payload(&slot("a", "très cool.jpg", 7, "image/jpeg"), 0);
        assert_eq!((read.filename.as_str(), read.size), ("très cool.jpg", 7));
        assert_eq!(read.content_type.as_deref(), Some("image/jpeg"));
        // The type is optional (XEP-0363, section 5), which the oracle does not know.
        let request = slot("a", "b", 7, "");
        let request = request.first("request", UPLOAD).unwrap();
        assert_eq!(request.attr("content-type"), None);
    }

    #[test]
    fn slots_are_read_and_shared() {
        let answer = stanza(
            "<iq type='result'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://a/p?x=1&amp;y'><header name='Authorization'>Basic x</header>\
             <header name='Cookie'>a=b</header></put><get url='https://a/g'/></slot></iq>",
        );
        let slot = read_slot(&answer).unwrap();
        assert_eq!(slot.put_url, "https://a/p?x=1&y");
        assert_eq!(slot.headers[1], ("Cookie".to_owned(), "a=b".to_owned()));
        assert_eq!(slot.get_url, "https://a/g");
        let shared: xmpp_parsers::oob::Oob = payload(&share("b@c", &slot), 1);
        assert_eq!(shared.url, "https://a/g");
        let without = stanza("<iq><slot xmlns='urn:xmpp:http:upload:0'><put url='x'/></slot></iq>");
        assert!(read_slot(&without).is_err());
    }
}
