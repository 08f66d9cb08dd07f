//! AMF0 values as JSON, and back: what has parts crosses the contract so.

use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::Value;
use super::amf0::{DEPTH_MAX, NAME_BYTES_MAX};

/// Beyond this whole numbers are not exact as `f64`.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// As JSON. Dates are numbers; what JSON does not have (NaN, the infinities, undefined) is null.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Names are texts, and nothing is written but to memory.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From JSON: objects, strict arrays, texts, numbers, booleans and null, with an object's fields in their order.
    ///
    /// # Errors
    /// It is no JSON, nested deeper than 16, or has a name that AMF0 has no room for; the text says where.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let Json(value) = serde_json::from_str(json).map_err(|error| error.to_string())?;
        check(&value, 0)?;
        Ok(value)
    }
}

fn check(value: &Value, depth: usize) -> Result<(), String> {
    if depth >= DEPTH_MAX {
        return Err(format!("values nested more than {DEPTH_MAX} deep"));
    }
    match value {
        Value::Object(fields) | Value::Map(fields) => {
            fields.iter().try_for_each(|(name, value)| {
                if name.len() > NAME_BYTES_MAX {
                    return Err(format!("a name of {} bytes", name.len()));
                }
                check(value, depth + 1)
            })
        }
        Value::List(values) => values.iter().try_for_each(|value| check(value, depth + 1)),
        _ => Ok(()),
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) | Self::Date(number) => {
                if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "it is whole, and in the range of i64"
                    )]
                    to.serialize_i64(*number as i64)
                } else {
                    to.serialize_f64(*number)
                }
            }
            Self::Boolean(boolean) => to.serialize_bool(*boolean),
            Self::Text(text) => to.serialize_str(text),
            Self::Object(fields) | Self::Map(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::List(values) => to.collect_seq(values),
            Self::Null | Self::Undefined => to.serialize_unit(),
        }
    }
}

/// A value on its way in. Not `Value` itself: a map that comes in is an object, and there is no way back to dates.
struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, to: &mut Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value::Boolean(boolean))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Json(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, Json(value))) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(Value::Object(fields))
    }
}
