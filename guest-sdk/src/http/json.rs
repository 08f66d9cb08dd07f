//! JSON bodies.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Request, Response, Result};

impl Request {
    /// Send a value as JSON.
    ///
    /// ```no_run
    /// use lt_sdk::{http, json};
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// http::post("http://127.0.0.1:8080/items").json(&json!({ "name": "lamp", "price": 30 })).send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match crate::json::to_vec(value) {
            Ok(bytes) => self = self.body(bytes),
            Err(error) => self.fail(Error::Json(error.to_string())),
        }
        self.header_default("content-type", "application/json");
        self
    }
}

impl Response {
    /// The body, read as JSON.
    ///
    /// # Errors
    /// If there is no body, or it is no JSON of this form.
    ///
    /// ```no_run
    /// use lt_sdk::http;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Item {
    ///     id: u64,
    /// }
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// let items: Vec<Item> = http::get("http://127.0.0.1:8080/items").send()?.json()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        crate::json::from_slice(&self.bytes()?).map_err(|error| Error::Json(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use crate::http::{Error, post};

    #[test]
    fn values_become_bodies() {
        let request = post("http://a/")
            .json(&crate::json!({ "a": [1, null] }))
            .finish()
            .unwrap();
        assert_eq!(
            request.headers,
            [("content-type".to_owned(), b"application/json".to_vec())]
        );
        assert!(
            matches!(request.body, crate::bindings::lt::scenario::http::Body::Bytes(bytes) if bytes == br#"{"a":[1,null]}"#)
        );
    }

    #[test]
    fn a_value_that_is_no_json_is_reported_when_sent() {
        let map = std::collections::HashMap::from([((1, 2), 3)]);
        assert!(matches!(
            post("http://a/").json(&map).send(),
            Err(Error::Json(_))
        ));
    }
}
