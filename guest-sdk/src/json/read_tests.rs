//! Reading, judged by the usual crate.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::from_slice;

#[derive(Debug, Deserialize, PartialEq)]
enum Kind {
    Unit,
    New(u8),
    Tuple(u8, char),
    Struct { a: i64 },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Any {
    Number(f64),
    Text(String),
    List(Vec<Any>),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    id: u64,
    #[serde(default)]
    name: Option<String>,
}

/// The usual crate is the judge: both read the same, or both refuse.
fn check<T: DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) {
    let ours = from_slice::<T>(text.as_bytes());
    let theirs = serde_json::from_str::<T>(text);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{text}: {ours:?}, but serde_json: {theirs:?}"),
    }
}

#[test]
fn numbers() {
    for text in [
        "0",
        "1e400",
        "0e400",
        "-1e400",
        "7",
        "255",
        "256",
        "-1",
        "-128",
        "-129",
        "1.0",
        "1e2",
        "1.5e-3",
        "1E+2",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "0x1",
        "1 ",
        " 1",
        "1 2",
        "",
        " ",
        "null",
        "\"1\"",
        "NaN",
    ] {
        check::<u8>(text);
        check::<i8>(text);
        check::<u64>(text);
        check::<i64>(text);
        check::<Option<u32>>(text);
        check::<f64>(text);
    }
}

#[test]
fn texts() {
    for text in [
        r#""""#,
        r#""a""#,
        r#""gr\u00fc\u00DF""#,
        r#""\ud83c\udf88""#,
        r#""\ud83c""#,
        r#""\udf88""#,
        r#""\ud83c\u0041""#,
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\x""#,
        r#""\u12""#,
        "\"\n\"",
        "\"",
        "\"\\",
        "\"🎈 x\"",
        "'a'",
        r#""a" "b""#,
    ] {
        check::<String>(text);
        check::<Kind>(text);
        check::<char>(text);
    }
    assert!(from_slice::<String>(b"\"\xff\"").is_err());
}

#[test]
fn arrays_and_objects() {
    for text in [
        "[]",
        "[1]",
        "[1,2]",
        "[1,2,3]",
        " [ 1 , 2 ] ",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "[",
        "]",
        "[[1],[2,3]]",
        "{}",
        r#"{"id":7}"#,
        r#"{"id":7,"name":null,"more":[{"a":"\u0041"},true,false,null,-1.5e3]}"#,
        r#"{"name":"x","id":1}"#,
        r#"{"id":7,}"#,
        r#"{"id":7 "name":"x"}"#,
        r#"{"id" 7}"#,
        r#"{id:7}"#,
        r#"{"id":7,"x":01}"#,
        r#"{"id":"7"}"#,
        r#"{"name":"x"}"#,
        r#"{"id":7,"id":8}"#,
        r#"{"id":7"#,
        "true",
        "false",
        "nul",
        "null",
    ] {
        check::<Vec<u8>>(text);
        check::<(u8, u8)>(text);
        check::<[u8; 1]>(text);
        check::<Vec<Vec<i16>>>(text);
        check::<Inner>(text);
        check::<Option<Inner>>(text);
        check::<HashMap<String, u8>>(text);
        check::<Any>(text);
        check::<()>(text);
        check::<bool>(text);
    }
}

#[test]
fn kinds_and_keys() {
    for text in [
        r#""Unit""#,
        r#""New""#,
        r#"{"Unit":null}"#,
        r#"{"New":1}"#,
        r#"{"Tuple":[1,"x"]}"#,
        r#"{"Tuple":[1]}"#,
        r#"{"Struct":{"a":-1}}"#,
        r#"{"Struct":{}}"#,
        r#"{"None":1}"#,
        r#"{"New":1,"New":2}"#,
        "{}",
        "1",
        r#"{"1":true,"-2":false}"#,
        r#"{"x":true}"#,
        r#"{1:true}"#,
    ] {
        check::<Kind>(text);
        check::<BTreeMap<i32, bool>>(text);
        check::<Option<Vec<Kind>>>(text);
    }
}

#[test]
fn depth_is_bounded_and_errors_say_where() {
    let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
    assert!(from_slice::<serde::de::IgnoredAny>(deep(128).as_bytes()).is_ok());
    assert!(from_slice::<serde::de::IgnoredAny>(deep(129).as_bytes()).is_err());
    assert!(from_slice::<serde::de::IgnoredAny>(deep(1_000_000).as_bytes()).is_err());
    let error = from_slice::<Inner>(br#"{"id":"x"}"#).unwrap_err();
    assert_eq!(error.to_string(), "expected u64 at byte 6");
    assert_eq!(
        from_slice::<Inner>(b"{").unwrap_err().to_string(),
        "the text ends too early at byte 1"
    );
}
