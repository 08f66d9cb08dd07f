//! A JSON object as the text of a run file: runs have one grammar, whichever way they are written. The order of keys is kept:
//! it is the order of the scenarios.

use std::fmt;

use lt_spec::Problem;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deep values may stand in each other: the grammar has six levels, and what is deeper would only cost.
const DEPTH_MAX: usize = 16;

/// A value of a JSON text, its keys in their order and as often as they were given.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    /// A number, `true` or `false`: written the same in both languages.
    Plain(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// The same as TOML.
///
/// # Errors
/// `Err(Err(reason))` if it is no JSON, `Err(Ok(problems))` for what TOML cannot say: nothing (`null`), keys given twice.
pub(crate) fn toml_of_json(json: &[u8]) -> Result<String, Result<Vec<Problem>, String>> {
    let value: Value = serde_json::from_slice(json).map_err(|error| Err(error.to_string()))?;
    let Value::Object(entries) = value else {
        return Err(Err("is no object ({ … })".to_owned()));
    };
    let mut writer = Writer::default();
    for (key, value) in &entries {
        writer.quote(key);
        writer.text.push_str(" = ");
        writer.value(key, value, 1);
        writer.text.push('\n');
    }
    writer.check_keys("", &entries);
    if writer.problems.is_empty() {
        Ok(writer.text)
    } else {
        Err(Ok(writer.problems))
    }
}

#[derive(Default)]
struct Writer {
    text: String,
    problems: Vec<Problem>,
}

impl Writer {
    fn value(&mut self, path: &str, value: &Value, depth: usize) {
        if depth > DEPTH_MAX {
            let remedy = "write it as the documentation has it";
            let problem = Problem::new(path, "", "stands too deep in other values", remedy);
            self.problems.push(problem);
            return;
        }
        match value {
            Value::Null => {
                let problem = Problem::new(path, "null", "is nothing", "leave the key out");
                self.problems.push(problem);
            }
            Value::Plain(text) => self.text.push_str(text),
            Value::Text(text) => self.quote(text),
            Value::List(values) => {
                self.text.push('[');
                for value in values {
                    self.value(path, value, depth + 1);
                    self.text.push_str(", ");
                }
                self.text.push(']');
            }
            Value::Object(entries) => {
                self.check_keys(path, entries);
                self.text.push('{');
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        self.text.push_str(", ");
                    }
                    self.quote(key);
                    self.text.push_str(" = ");
                    self.value(&join(path, key), value, depth + 1);
                }
                self.text.push('}');
            }
        }
    }

    fn check_keys(&mut self, path: &str, entries: &[(String, Value)]) {
        let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        for pair in keys.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                let remedy = "write each key once";
                let problem = Problem::new(join(path, one), "", "is given twice", remedy);
                self.problems.push(problem);
            }
        }
    }

    /// A text in quotes: what JSON escapes, TOML escapes the same way.
    fn quote(&mut self, text: &str) {
        self.text.push('"');
        for char in text.chars() {
            match char {
                '"' | '\\' => self.text.extend(['\\', char]),
                control if control.is_control() => {
                    self.text
                        .push_str(&format!("\\u{:04X}", u32::from(control)));
                }
                char => self.text.push(char),
            }
        }
        self.text.push('"');
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // Debug keeps the point of whole numbers, without which TOML has another type.
        Ok(Value::Plain(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_texts_their_characters() {
        let json = r#"{"b": {"z": [1, -2.5, true, 1e300], "a": {}}, "a.b": "\"\\\n\u007f{é", "n": 18446744073709551615}"#;
        let text = toml_of_json(json.as_bytes()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                r#""b" = {"z" = [1, -2.5, true, 1e300, ], "a" = {}}"#,
                r#""a.b" = "\"\\\u000A\u007F{é""#,
                r#""n" = 18446744073709551615"#,
            ]
        );
        let (table, errors) = toml::de::DeTable::parse_recoverable(&text);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(table.get_ref().len(), 3);
    }

    #[test]
    fn what_toml_cannot_say_is_told_by_its_path() {
        let json = br#"{"a": {"b": [null]}, "c": 1, "c": 2}"#;
        let problems = toml_of_json(json).unwrap_err().unwrap();
        let fields: Vec<&str> = problems.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["a.b", "c"]);
        for broken in [&b"[1]"[..], b"{", b"7", b"\xff", b"{\"a\": 1} x"] {
            assert!(toml_of_json(broken).unwrap_err().is_err());
        }
    }

    #[test]
    fn what_stands_too_deep_is_refused() {
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(40), "]".repeat(40));
        let problems = toml_of_json(deep.as_bytes()).unwrap_err().unwrap();
        assert_eq!(problems[0].field, "a");
        let deeper = format!("{{\"a\": {}1{}}}", "[".repeat(4000), "]".repeat(4000));
        assert!(toml_of_json(deeper.as_bytes()).unwrap_err().is_err());
    }
}
