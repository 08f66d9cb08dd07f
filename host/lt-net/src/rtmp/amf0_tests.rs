//! AMF0 against its specification, and as JSON.

use super::Value;
use super::amf0::{DEPTH_MAX, begins_with_text, decode_all, decode_without_long_lists};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn field(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

fn encoded(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        value.encode(&mut out);
    }
    out
}

#[track_caller]
fn check(value: &Value, bytes: &[u8]) {
    assert_eq!(encoded(std::slice::from_ref(value)), bytes);
    assert_eq!(decode_all(bytes).unwrap(), std::slice::from_ref(value));
}

#[test]
fn each_type_is_written_as_the_specification_has_it() {
    check(&Value::Number(1.5), b"\x00\x3f\xf8\0\0\0\0\0\0");
    check(&Value::Boolean(true), b"\x01\x01");
    check(&text("live"), b"\x02\x00\x04live");
    check(
        &Value::Object(vec![field("app", text("x")), field("", Value::Null)]),
        b"\x03\x00\x03app\x02\x00\x01x\x00\x00\x05\x00\x00\x09",
    );
    check(&Value::Null, b"\x05");
    check(&Value::Undefined, b"\x06");
    check(
        &Value::Map(vec![field("w", Value::Boolean(false))]),
        b"\x08\0\0\0\x01\x00\x01w\x01\x00\x00\x00\x09",
    );
    check(
        &Value::List(vec![Value::Null, text("")]),
        b"\x0a\0\0\0\x02\x05\x02\x00\x00",
    );
    check(&Value::Date(1.5), b"\x0b\x3f\xf8\0\0\0\0\0\0\0\0");
}

#[test]
fn a_text_of_64_kib_is_a_long_one() {
    check(
        &text(&"a".repeat(65_535)),
        &[b"\x02\xff\xff".as_slice(), &[b'a'; 65_535]].concat(),
    );
    check(
        &text(&"a".repeat(65_536)),
        &[b"\x0c\0\x01\0\0".as_slice(), &[b'a'; 65_536]].concat(),
    );
}

#[test]
fn a_name_ends_where_the_format_has_no_more_room() {
    let value = Value::Object(vec![field(&"ä".repeat(40_000), Value::Null)]);
    let back = decode_all(&encoded(&[value])).unwrap();
    // 65 535 bytes would cut a letter of two.
    assert_eq!(
        back,
        [Value::Object(vec![field(&"ä".repeat(32_767), Value::Null)])]
    );
}

#[test]
fn what_is_not_kept_does_not_end_the_values() {
    // A typed object, XML, an unsupported value, a reference.
    let bytes = b"\x10\x00\x01T\x00\x01a\x05\x00\x00\x09\x0f\0\0\0\x03<a>\x0d\x07\x00\x01\x01\x01";
    let values = decode_all(bytes).unwrap();
    assert_eq!(
        values,
        [
            Value::Object(vec![field("a", Value::Null)]),
            text("<a>"),
            Value::Undefined,
            Value::Undefined,
            Value::Boolean(true),
        ]
    );
    // AMF3 ends them, wherever it stands.
    assert_eq!(
        decode_all(b"\x05\x11\x01\x02\x03").unwrap(),
        [Value::Null, Value::Undefined]
    );
    assert_eq!(
        decode_all(b"\x03\x00\x01a\x11\x0a\x0b").unwrap(),
        [Value::Object(vec![field("a", Value::Undefined)])]
    );
}

#[test]
fn an_ecma_array_may_lack_its_end_behind_as_many_fields_as_it_says() {
    let whole = [Value::Map(vec![field("w", Value::Null)])];
    assert_eq!(decode_all(b"\x08\0\0\0\x01\x00\x01w\x05").unwrap(), whole);
    // A wrong number does no harm where the end is there.
    assert_eq!(
        decode_all(b"\x08\0\0\0\x09\x00\x01w\x05\0\0\x09").unwrap(),
        whole
    );
    assert!(decode_all(b"\x08\0\0\0\x02\x00\x01w\x05").is_err());
}

#[test]
fn text_that_is_no_utf_8_is_replaced() {
    assert_eq!(
        decode_all(b"\x02\x00\x02\xffa").unwrap(),
        [text("\u{fffd}a")]
    );
}

#[test]
fn whatever_is_cut_off_is_an_error() {
    let value = Value::Object(vec![
        field(
            "list",
            Value::List(vec![Value::Number(1.0), Value::Date(2.0)]),
        ),
        field("text", text("text")),
        field("map", Value::Map(vec![field("a", Value::Boolean(true))])),
    ]);
    let bytes = encoded(&[value]);
    for end in 1..bytes.len() {
        let error = decode_all(&bytes[..end]).unwrap_err();
        assert!(error.contains("cut off at byte"), "{end}: {error}");
    }
}

#[test]
fn bounds_hold() {
    let nested = |depth: usize| [b"\x0a\0\0\0\x01".repeat(depth), vec![5]].concat();
    assert!(decode_all(&nested(DEPTH_MAX - 1)).is_ok());
    assert!(
        decode_all(&nested(DEPTH_MAX))
            .unwrap_err()
            .contains("16 deep")
    );
    assert!(decode_all(&[5; 10_000]).is_ok());
    assert!(
        decode_all(&[5; 10_001])
            .unwrap_err()
            .contains("10000 values")
    );
    // A length of four GiB asks for no memory.
    assert!(decode_all(b"\x0a\xff\xff\xff\xff\x05").is_err());
    assert_eq!(
        decode_all(b"\x05\x0e").unwrap_err(),
        "AMF0: type 14, which is none at byte 2"
    );
}

/// A list of so many numbers.
fn list(length: usize) -> Value {
    Value::List(vec![Value::Number(1.0); length])
}

#[test]
fn long_lists_are_left_out_and_all_else_is_kept() {
    let index = Value::Object(vec![
        field("times", list(100_000)),
        field("filepositions", list(100_000)),
    ]);
    let cues = vec![Value::Object(vec![field("name", text("cue"))]); 501];
    let fields = vec![
        field("width", Value::Number(640.0)),
        field("keyframes", index),
        field("short", list(1000)),
        field("cuePoints", Value::List(cues)),
        field("lists", Value::List(vec![list(1001), list(1)])),
        field("height", Value::Number(360.0)),
    ];
    let bytes = encoded(&[
        text("onMetaData"),
        Value::Map(fields),
        list(1001),
        text("end"),
    ]);
    let kept = vec![
        field("width", Value::Number(640.0)),
        field("keyframes", Value::Object(Vec::new())),
        field("short", list(1000)),
        field("lists", Value::List(vec![Value::Undefined, list(1)])),
        field("height", Value::Number(360.0)),
    ];
    let expected = [
        text("onMetaData"),
        Value::Map(kept),
        Value::Undefined,
        text("end"),
    ];
    assert!(decode_all(&bytes).is_err());
    assert_eq!(decode_without_long_lists(&bytes).unwrap(), expected);
    // An array whose end is left out says how many fields it had, not how many are kept.
    let cut = encoded(&[Value::Map(vec![
        field("a", list(1001)),
        field("b", text("c")),
    ])]);
    let kept = Value::Map(vec![field("b", text("c"))]);
    let open = &cut[..cut.len() - 3];
    assert_eq!(decode_without_long_lists(open), Ok(vec![kept]));
    assert!(decode_without_long_lists(&cut[..cut.len() - 4]).is_err());
}

#[test]
fn of_too_many_values_the_first_are_kept() {
    let fields = (0..20_000).map(|index| field(&index.to_string(), Value::Null));
    let bytes = encoded(&[Value::Object(fields.collect()), text("end")]);
    let values = decode_without_long_lists(&bytes).unwrap();
    let [Value::Object(kept)] = values.as_slice() else {
        panic!("{values:?}");
    };
    // And one is the object.
    assert_eq!(kept.len(), 9_999);
    assert_eq!(kept[9_998].0, "9998");
    let many = decode_without_long_lists(&[5; 30_000]).unwrap();
    assert_eq!(many, vec![Value::Null; 10_000]);
    let lists = encoded(&vec![list(900); 40]);
    assert_eq!(decode_without_long_lists(&lists).unwrap().len(), 12);
}

#[test]
fn the_first_text_is_known_without_the_rest() {
    assert!(begins_with_text(b"\x02\x00\x01a\xff", "a"));
    assert!(!begins_with_text(b"\x02\x00\x01b", "a"));
    assert!(!begins_with_text(b"\x05", "a"));
    assert!(!begins_with_text(b"", ""));
}

#[test]
fn parts_are_reached_by_name() {
    let value = Value::Object(vec![
        field("code", text("one")),
        field("code", text("two")),
        field("n", Value::Date(2.0)),
    ]);
    assert_eq!(value.field("code").and_then(Value::text), Some("two"));
    assert_eq!(value.field("n").and_then(Value::number), Some(2.0));
    assert_eq!(value.field("other"), None);
    assert_eq!(Value::List(vec![]).field("n"), None);
    assert_eq!(value.fields().map(<[_]>::len), Some(3));
}

#[test]
fn json_has_the_order_of_the_fields() {
    let value = Value::Map(vec![
        field("width", Value::Number(640.0)),
        field("framerate", Value::Number(29.97)),
        field("audio", Value::Boolean(true)),
        field(
            "list",
            Value::List(vec![Value::Null, Value::Undefined, Value::Date(-1.0)]),
        ),
        field("nan", Value::Number(f64::NAN)),
        field("text", text("\"\n")),
    ]);
    let json = r#"{"width":640,"framerate":29.97,"audio":true,"list":[null,null,-1],"nan":null,"text":"\"\n"}"#;
    assert_eq!(value.to_json(), json);
    let back = Value::from_json(json).unwrap();
    assert_eq!(back.to_json(), json);
    assert!(
        matches!(back, Value::Object(fields) if fields[0] == field("width", Value::Number(640.0)))
    );
}

#[test]
fn json_that_amf0_has_no_room_for_is_refused() {
    assert!(Value::from_json("{").unwrap_err().contains("line 1"));
    assert!(Value::from_json("1 2").is_err());
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let value = Value::from_json(&nested(DEPTH_MAX)).unwrap();
    assert!(decode_all(&encoded(&[value])).is_ok());
    assert!(
        Value::from_json(&nested(DEPTH_MAX + 1))
            .unwrap_err()
            .contains("16 deep")
    );
    let name = "a".repeat(65_536);
    assert!(
        Value::from_json(&format!("{{\"{name}\":1}}"))
            .unwrap_err()
            .contains("65536")
    );
    assert_eq!(
        Value::from_json("18446744073709551615"),
        Ok(Value::Number(18_446_744_073_709_552_000.0))
    );
}
