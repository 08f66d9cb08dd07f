//! Values of AMF0.

use crate::bindings::lt::scenario::rtmp as host;

/// A value of AMF0: what commands, metadata and data messages carry. Numbers, booleans and texts become one by `into`; `()` is null.
///
/// ```
/// use lt_sdk::rtmp::Value;
///
/// assert_eq!(Value::from(640), Value::Number(640.0));
/// assert_eq!(Value::from("aac").as_str(), Some("aac"));
/// assert_eq!(Value::from(()), Value::Null);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number. Dates come as numbers.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A text.
    Text(String),
    /// An object, an ECMA array or a strict array, as JSON.
    Json(String),
    /// Null, or undefined.
    Null,
}

impl Value {
    /// An object or an array, as JSON.
    ///
    /// ```
    /// let position = lt_sdk::rtmp::Value::json(r#"{"x":1,"y":[true,null]}"#);
    /// ```
    #[must_use]
    pub fn json(text: impl Into<String>) -> Self {
        Self::Json(text.into())
    }

    /// The number, if it is one.
    ///
    /// ```
    /// assert_eq!(lt_sdk::rtmp::Value::from(25.0).as_f64(), Some(25.0));
    /// ```
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    ///
    /// ```
    /// assert_eq!(lt_sdk::rtmp::Value::from(true).as_bool(), Some(true));
    /// ```
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            _ => None,
        }
    }

    /// The text, if it is one.
    ///
    /// ```
    /// assert_eq!(lt_sdk::rtmp::Value::Null.as_str(), None);
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The JSON, if it has parts.
    ///
    /// ```
    /// assert_eq!(lt_sdk::rtmp::Value::json("[1]").as_json(), Some("[1]"));
    /// ```
    #[must_use]
    pub fn as_json(&self) -> Option<&str> {
        match self {
            Self::Json(text) => Some(text),
            _ => None,
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<Value> for host::AmfValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number),
            Value::Boolean(boolean) => Self::Boolean(boolean),
            Value::Text(text) => Self::Text(text),
            Value::Json(text) => Self::Json(text),
            Value::Null => Self::Null,
        }
    }
}

impl From<host::AmfValue> for Value {
    fn from(value: host::AmfValue) -> Self {
        match value {
            host::AmfValue::Number(number) => Self::Number(number),
            host::AmfValue::Boolean(boolean) => Self::Boolean(boolean),
            host::AmfValue::Text(text) => Self::Text(text),
            host::AmfValue::Json(text) => Self::Json(text),
            host::AmfValue::Null => Self::Null,
        }
    }
}

/// Values as the contract has them.
pub(super) fn to_host(values: impl IntoIterator<Item = Value>) -> Vec<host::AmfValue> {
    values.into_iter().map(Into::into).collect()
}

/// Fields as the contract has them.
pub(super) fn fields_to_host<N: Into<String>>(
    fields: impl IntoIterator<Item = (N, Value)>,
) -> Vec<(String, host::AmfValue)> {
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Fields as the contract has them, the other way.
pub(super) fn fields_from_host(fields: Vec<(String, host::AmfValue)>) -> Vec<(String, Value)> {
    let fields = fields.into_iter();
    fields.map(|(name, value)| (name, value.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        let values = [
            Value::from(-1),
            Value::from(u32::MAX),
            Value::from(0.5),
            Value::from(false),
            Value::from("a"),
            Value::from("b".to_owned()),
            Value::json("{}"),
            Value::from(()),
        ];
        let back: Vec<Value> = to_host(values.clone())
            .into_iter()
            .map(Into::into)
            .collect();
        assert_eq!(back, values);
        let fields = fields_to_host([("width", 640.0.into())]);
        assert_eq!(
            fields_from_host(fields),
            [("width".to_owned(), Value::Number(640.0))]
        );
    }

    #[test]
    fn values_are_asked_for_by_what_they_are() {
        let json = Value::json("[]");
        assert_eq!((json.as_json(), json.as_str()), (Some("[]"), None));
        assert_eq!((json.as_f64(), json.as_bool()), (None, None));
        assert_eq!(Value::from("1").as_f64(), None);
    }
}
