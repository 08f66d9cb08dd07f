//! Values of AMF0 between the contract's types and ours: what has parts is JSON where a guest sees it.

use lt_net::rtmp::Value;

use super::invalid;
use crate::bindings::rtmp::{AmfValue, ErrorCode};

/// What a guest sees.
pub(super) fn to_guest(value: Value) -> AmfValue {
    match value {
        Value::Number(number) | Value::Date(number) => AmfValue::Number(number),
        Value::Boolean(boolean) => AmfValue::Boolean(boolean),
        Value::Text(text) => AmfValue::Text(text),
        Value::Null | Value::Undefined => AmfValue::Null,
        Value::Object(_) | Value::Map(_) | Value::List(_) => AmfValue::Json(value.to_json()),
    }
}

/// What a guest gives.
///
/// # Errors
/// JSON that is none, naming the field.
pub(super) fn from_guest(field: &str, value: AmfValue) -> Result<Value, ErrorCode> {
    Ok(match value {
        AmfValue::Number(number) => Value::Number(number),
        AmfValue::Boolean(boolean) => Value::Boolean(boolean),
        AmfValue::Text(text) => Value::Text(text),
        AmfValue::Json(json) => Value::from_json(&json).map_err(|fault| invalid(field, fault))?,
        AmfValue::Null => Value::Null,
    })
}

/// The same for several.
pub(super) fn all_from_guest(field: &str, values: Vec<AmfValue>) -> Result<Vec<Value>, ErrorCode> {
    let values = values.into_iter();
    values.map(|value| from_guest(field, value)).collect()
}

/// The same for fields of an object.
pub(super) fn fields_from_guest(
    field: &str,
    fields: Vec<(String, AmfValue)>,
) -> Result<Vec<(String, Value)>, ErrorCode> {
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| Ok((name, from_guest(field, value)?)));
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_parts_is_json_both_ways() {
        let object = Value::Object(vec![
            ("width".to_owned(), Value::Number(640.0)),
            ("tracks".to_owned(), Value::List(vec![Value::Null])),
        ]);
        let AmfValue::Json(json) = to_guest(object.clone()) else {
            panic!("no JSON");
        };
        assert_eq!(json, r#"{"width":640,"tracks":[null]}"#);
        assert_eq!(from_guest("x", AmfValue::Json(json)).unwrap(), object);
    }

    #[test]
    fn json_that_is_none_is_said_by_its_field() {
        let given = vec![
            ("a".to_owned(), AmfValue::Null),
            ("b".to_owned(), AmfValue::Json("{".to_owned())),
        ];
        let error = fields_from_guest("fields", given).unwrap_err();
        let is_named =
            matches!(&error, ErrorCode::InvalidRequest(text) if text.starts_with("fields: "));
        assert!(is_named, "{error:?}");
    }

    #[test]
    fn what_has_no_parts_stays_what_it_is() {
        for value in [
            Value::Number(1.5),
            Value::Boolean(true),
            Value::Text("live".to_owned()),
            Value::Null,
        ] {
            assert_eq!(from_guest("x", to_guest(value.clone())).unwrap(), value);
        }
        assert!(matches!(to_guest(Value::Date(7.0)), AmfValue::Number(7.0)));
        assert!(matches!(to_guest(Value::Undefined), AmfValue::Null));
    }
}
