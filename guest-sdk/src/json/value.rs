//! A value of any form.

use std::borrow::Cow;
use std::fmt;
use std::ops::Index;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::scan::Reader;
use super::{Error, RAW, write};

/// Any JSON value, for bodies that need no type of their own. [`json!`](crate::json!) writes one as it looks.
///
/// Numbers are kept as they are written, so that nothing is lost and a scenario holds the tables for decimal numbers only if it
/// asks for one. Looking for what is not there gives [`Value::Null`].
///
/// ```
/// use lt_sdk::json::{self, Value};
///
/// let page: Value = json::from_slice(br#"{ "items": [{ "id": 7, "price": 1.50 }] }"#).unwrap();
/// assert_eq!(page["items"][0]["id"].as_u64(), Some(7));
/// assert!(page["next"].is_null());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// `null`, or nothing.
    #[default]
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, as it is written.
    Number(Cow<'static, str>),
    /// A text.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object, in the order in which it is written. Of fields with the same name the last counts.
    Object(Vec<(String, Value)>),
}

/// What is found where nothing is.
static NOTHING: Value = Value::Null;

impl Value {
    /// Whether it is `null`, or nothing.
    ///
    /// ```
    /// assert!(lt_sdk::json!(null).is_null());
    /// ```
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    ///
    /// ```
    /// assert_eq!(lt_sdk::json!(true).as_bool(), Some(true));
    /// ```
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is a whole one from 0 to 2^64 - 1.
    ///
    /// ```
    /// assert_eq!(lt_sdk::json!(7).as_u64(), Some(7));
    /// assert_eq!(lt_sdk::json!(1.5).as_u64(), None);
    /// ```
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.number()?.parse().ok()
    }

    /// The number, if it is a whole one of 64 bits.
    ///
    /// ```
    /// assert_eq!(lt_sdk::json!(-7).as_i64(), Some(-7));
    /// ```
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.number()?.parse().ok()
    }

    /// The number.
    ///
    /// ```
    /// assert_eq!(lt_sdk::json!(1.5).as_f64(), Some(1.5));
    /// ```
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.number()?.parse().ok()
    }

    /// The text, if it is one.
    ///
    /// ```
    /// assert_eq!(lt_sdk::json!("lamp").as_str(), Some("lamp"));
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is an array; else none.
    ///
    /// ```
    /// assert_eq!(lt_sdk::json!([1, 2]).elements().len(), 2);
    /// ```
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) => elements,
            _ => &[],
        }
    }

    fn number(&self) -> Option<&str> {
        match self {
            Self::Number(text) => Some(text),
            _ => None,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.peek() {
            Some(b'"') => Ok(Self::Text(reader.string()?.into_owned())),
            Some(b'[') => reader.nest(|reader| {
                reader.expect(b'[')?;
                let (mut elements, mut first) = (Vec::new(), true);
                while reader.another(b']', &mut first)? {
                    elements.push(Self::read(reader)?);
                }
                Ok(Self::Array(elements))
            }),
            Some(b'{') => reader.nest(|reader| {
                reader.expect(b'{')?;
                let (mut fields, mut first) = (Vec::new(), true);
                while reader.another(b'}', &mut first)? {
                    let name = reader.string()?.into_owned();
                    reader.expect(b':')?;
                    fields.push((name, Self::read(reader)?));
                }
                Ok(Self::Object(fields))
            }),
            _ if reader.word(b"null") => Ok(Self::Null),
            _ if reader.word(b"true") => Ok(Self::Boolean(true)),
            _ if reader.word(b"false") => Ok(Self::Boolean(false)),
            _ => match reader.number()? {
                Some(number) => Ok(Self::Number(number.to_owned().into())),
                None => Err(reader.broken()),
            },
        }
    }

    fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Null => into.extend(b"null"),
            Self::Boolean(true) => into.extend(b"true"),
            Self::Boolean(false) => into.extend(b"false"),
            Self::Number(text) => into.extend(text.as_bytes()),
            Self::Text(text) => write::string(text, into),
            Self::Array(elements) => {
                into.push(b'[');
                for (index, element) in elements.iter().enumerate() {
                    into.extend(if index == 0 { "" } else { "," }.as_bytes());
                    element.write(into);
                }
                into.push(b']');
            }
            Self::Object(fields) => {
                into.push(b'{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    into.extend(if index == 0 { "" } else { "," }.as_bytes());
                    write::string(name, into);
                    into.push(b':');
                    value.write(into);
                }
                into.push(b'}');
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The field of this name; `Null` if there is none, or this is no object.
impl Index<&str> for Value {
    type Output = Self;

    fn index(&self, name: &str) -> &Self {
        match self {
            Self::Object(fields) => fields
                .iter()
                .rfind(|(other, _)| other == name)
                .map_or(&NOTHING, |(_, value)| value),
            _ => &NOTHING,
        }
    }
}

/// The element at this place; `Null` if there is none, or this is no array.
impl Index<usize> for Value {
    type Output = Self;

    fn index(&self, index: usize) -> &Self {
        self.elements().get(index).unwrap_or(&NOTHING)
    }
}

/// Both ways go over the text itself: reading one and writing one by this crate's own reader and writer.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(RAW, &self.to_string())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, FromText)
    }
}

struct FromText;

impl de::Visitor<'_> for FromText {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value, read by lt_sdk::json")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        let mut reader = Reader::new(text.as_bytes());
        Value::read(&mut reader).map_err(E::custom)
    }
}

macro_rules! from {
    ($($type:ty: $value:ident => $into:expr;)+) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $into
            }
        }
    )+};
}

from! {
    bool: value => Self::Boolean(value);
    u8: number => Self::Number(number.to_string().into());
    u16: number => Self::Number(number.to_string().into());
    u32: number => Self::Number(number.to_string().into());
    u64: number => Self::Number(number.to_string().into());
    usize: number => Self::Number(number.to_string().into());
    i8: number => Self::Number(number.to_string().into());
    i16: number => Self::Number(number.to_string().into());
    i32: number => Self::Number(number.to_string().into());
    i64: number => Self::Number(number.to_string().into());
    isize: number => Self::Number(number.to_string().into());
    // What is not finite is no number in JSON.
    f64: number => if number.is_finite() { Self::Number(format!("{number:?}").into()) } else { Self::Null };
    f32: number => if number.is_finite() { Self::Number(format!("{number:?}").into()) } else { Self::Null };
    &str: text => Self::Text(text.to_owned());
    String: text => Self::Text(text);
    &String: text => Self::Text(text.clone());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Self::Array(elements.into_iter().map(Into::into).collect())
    }
}

/// A JSON value, written as it looks: `json!({ "name": "lamp", "tags": ["new"], "price": price })`.
///
/// Whatever is no array, object or `null` is an expression that can become a [`Value`](crate::json::Value).
///
/// ```
/// use lt_sdk::json;
///
/// let price = 30;
/// let item = json!({ "name": "lamp", "price": price + 1, "tags": ["new", null], "maker": { "name": "L" } });
/// assert_eq!(item.to_string(), r#"{"name":"lamp","price":31,"tags":["new",null],"maker":{"name":"L"}}"#);
/// ```
#[macro_export]
macro_rules! json {
    (null) => { $crate::json::Value::Null };
    ([ $($elements:tt)* ]) => {
        $crate::json::Value::Array($crate::json!(@array [] $($elements)*))
    };
    ({ $($fields:tt)* }) => {
        $crate::json::Value::Object($crate::json!(@object [] $($fields)*))
    };

    (@array [$($done:expr,)*]) => { ::std::vec![$($done),*] };
    (@array [$($done:expr,)*] null $(, $($rest:tt)*)?) => {
        $crate::json!(@array [$($done,)* $crate::json!(null),] $($($rest)*)?)
    };
    (@array [$($done:expr,)*] [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $crate::json!(@array [$($done,)* $crate::json!([$($inner)*]),] $($($rest)*)?)
    };
    (@array [$($done:expr,)*] {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::json!(@array [$($done,)* $crate::json!({$($inner)*}),] $($($rest)*)?)
    };
    (@array [$($done:expr,)*] $value:expr $(, $($rest:tt)*)?) => {
        $crate::json!(@array [$($done,)* $crate::json::Value::from($value),] $($($rest)*)?)
    };

    (@object [$($done:expr,)*]) => { ::std::vec![$($done),*] };
    (@object [$($done:expr,)*] $name:tt : null $(, $($rest:tt)*)?) => {
        $crate::json!(@object [$($done,)* (::std::string::String::from($name), $crate::json!(null)),] $($($rest)*)?)
    };
    (@object [$($done:expr,)*] $name:tt : [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $crate::json!(@object [$($done,)* (::std::string::String::from($name), $crate::json!([$($inner)*])),] $($($rest)*)?)
    };
    (@object [$($done:expr,)*] $name:tt : {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::json!(@object [$($done,)* (::std::string::String::from($name), $crate::json!({$($inner)*})),] $($($rest)*)?)
    };
    (@object [$($done:expr,)*] $name:tt : $value:expr $(, $($rest:tt)*)?) => {
        $crate::json!(@object [$($done,)* (::std::string::String::from($name), $crate::json::Value::from($value)),] $($($rest)*)?)
    };

    ($value:expr) => { $crate::json::Value::from($value) };
}

#[cfg(test)]
mod tests {
    use super::Value;
    use crate::json::{from_slice, to_vec};

    #[test]
    fn values_go_through_texts_unchanged() {
        for text in [
            r#"{"a":[1,-2.50,1e400,null,true,false,"x\"y"],"b":{},"c":[]}"#,
            "[]",
            "0.1000000000000000000000001",
            "\"\"",
            "null",
        ] {
            let value: Value = from_slice(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(to_vec(&value).unwrap()).unwrap(), text);
            let inside: Vec<Value> = from_slice(format!("[{text}, {text}]").as_bytes()).unwrap();
            assert_eq!(inside, [value.clone(), value.clone()]);
            assert_eq!(
                String::from_utf8(to_vec(&(1, &value)).unwrap()).unwrap(),
                format!("[1,{text}]")
            );
        }
        for text in ["", "[1", "{\"a\"}", "nul", "1 1", "[1,]"] {
            assert!(from_slice::<Value>(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_written_as_they_look() {
        let name = String::from("lamp");
        let value = crate::json!({
            "name": &name,
            "sizes": [1, 2 + 3, [], {}],
            "none": null,
            "deep": { "list": [null, { "x": -1 }], },
            "maybe": Some(true),
            "many": vec![1_u8, 2],
            "float": 1.5,
        });
        let text = r#"{"name":"lamp","sizes":[1,5,[],{}],"none":null,"deep":{"list":[null,{"x":-1}]},"maybe":true,"many":[1,2],"float":1.5}"#;
        assert_eq!(value.to_string(), text);
        assert_eq!(value["deep"]["list"][1]["x"].as_i64(), Some(-1));
        assert!(value["none"]["such"][3].is_null());
    }
}
