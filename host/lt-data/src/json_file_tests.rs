use std::path::Path;

use super::*;

fn read_all(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut faults = Faults::of("people", Path::new("p.json"));
    let records = read(text, &mut faults).unwrap();
    assert_eq!(faults.finish(), []);
    let rows = (0..records.len()).map(|i| records.get(i).unwrap());
    (records.fields().to_vec(), rows.collect())
}

fn faults_of(text: &str) -> Vec<String> {
    let mut faults = Faults::of("people", Path::new("p.json"));
    let _ = read(text, &mut faults);
    let texts = faults.finish().into_iter();
    texts
        .map(|it| format!("{}: {}", it.line.unwrap_or_default(), it.message))
        .collect()
}

#[test]
fn an_array_and_lines_give_the_same_records() {
    for text in [
        r#"[{"name": "Ann", "age": 7}, {"age": 8, "name": "Bob"}]"#,
        "\n[\n  {\n    \"name\": \"Ann\",\n    \"age\": 7\n  },\n {\"name\":\"Bob\",\"age\":8}]\n",
        "{\"name\":\"Ann\",\"age\":7}\r\n\r\n {\"age\":8,\"name\":\"Bob\"} \n",
    ] {
        let (fields, rows) = read_all(text);
        assert_eq!(fields, ["name", "age"]);
        assert_eq!(rows, [["Ann", "7"], ["Bob", "8"]], "{text:?}");
    }
}

#[test]
fn values_keep_every_digit_and_every_key() {
    let (_, rows) = read_all(
        r#"[{"a": 123456789012345678901234567890, "b": {"z": 1.0, "a": [null]}, "c": "\u00fc\n\"", "d": true, "e": null}]"#,
    );
    assert_eq!(
        rows,
        [[
            "123456789012345678901234567890",
            r#"{"z": 1.0, "a": [null]}"#,
            "ü\n\"",
            "true",
            "null"
        ]]
    );
}

#[test]
fn objects_with_other_keys_are_named_each() {
    let array = "[\n{\"a\": 1, \"b\": 2},\n{\"a\": 1},\n{\"a\": 1,\n\"b\": 2, \"c\": 3},\n7,\n{\"a\": 1, \"b\": 2, \"a\": 3}, {\"b\": 1, \"a\": 2}]";
    let expected = [
        "3: the object lacks the key \"b\", which the first one has",
        "4: the object has the key \"c\", which the first one has not",
        "6: it is no object",
        "7: the object has the key \"a\" twice",
    ];
    assert_eq!(faults_of(array), expected);
    let lines = "{\"a\": 1, \"b\": 2}\n\n{\"a\": 1}\n{\"a\": 1, \"b\": 2, \"c\": 3}\n\n7\n{\"a\": 1, \"b\": 2, \"a\": 3}\n{\"b\": 1, \"a\": 2}";
    assert_eq!(faults_of(lines), expected);
}

#[test]
fn the_first_object_names_the_fields() {
    assert_eq!(faults_of("[{}]"), ["1: the first object has no keys"]);
    assert_eq!(
        faults_of("{\"\": 1}\n"),
        ["1: the first object has an empty key"]
    );
}

#[test]
fn what_is_no_json_is_named_by_its_line() {
    assert_eq!(
        faults_of("[{\"a\": 1},\n{\"a\" 2}]"),
        ["2: it is no JSON: expected `:` at line 2 column 6"]
    );
    assert_eq!(
        faults_of("[{\"a\": 1}]\n[{\"a\": 1}]"),
        ["2: it is no JSON: trailing characters at line 2 column 1"]
    );
    assert_eq!(
        faults_of("{\"a\": 1}\n{\"a\": \n{\"a\": 1} x\n"),
        [
            "2: this line is no JSON object: EOF while parsing a value at column 6",
            "3: this line is no JSON object: trailing characters at column 10"
        ]
    );
}

#[test]
fn other_shapes_are_refused() {
    assert_eq!(
        faults_of("\n\"people\""),
        ["2: it is neither an array of objects nor one object a line"]
    );
    // A whole file that is one object, with the records somewhere in it.
    assert_eq!(
        faults_of("{\n\"people\": [\n]}"),
        [
            "1: this line is no JSON object: EOF while parsing an object at column 1",
            "2: this line is no JSON object: trailing characters at column 9",
            "3: this line is no JSON object: expected value at column 1",
        ]
    );
    assert_eq!(faults_of("[[1, 2]]"), ["1: it is no object"]);
}

#[test]
fn no_records_are_no_fault_here() {
    for text in ["", " \n", "[]", "[ \n]"] {
        let mut faults = Faults::of("people", Path::new("p.json"));
        assert!(read(text, &mut faults).is_none());
        assert!(faults.is_empty(), "{text:?}");
    }
}

#[test]
fn escapes_are_resolved_where_they_mean_a_text() {
    let (_, rows) = read_all(r#"[{"a": "\\", "b": "\ud83d\ude00", "c": "\ud83d", "d": ""}]"#);
    assert_eq!(rows, [["\\", "😀", r#""\ud83d""#, ""]]);
}

#[test]
fn a_table_on_its_side_is_refused() {
    let keys = |number| {
        let keys: Vec<_> = (0..number).map(|n| format!("\"user-{n}\":1")).collect();
        format!("{{{}}}", keys.join(","))
    };
    assert_eq!(read_all(&keys(FEEDER_FIELDS_MAX)).1.len(), 1);
    assert_eq!(
        faults_of(&keys(FEEDER_FIELDS_MAX + 1)),
        ["1: the object has more than 1024 keys"]
    );
}
