//! Records from JSON: an array of objects, or one object a line.

use std::borrow::Cow;
use std::fmt;

use lt_spec::limits::FEEDER_FIELDS_MAX;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::problem::Faults;
use crate::records::{Lines, Records};

const REMEDY_SHAPE: &str =
    "write an array of objects, `[{\"name\": \"Ann\"}, ...]`, or one object a line";

/// The records of a JSON text; `None` if it has none. Every fault is told.
///
/// Texts become values as they are, anything else as it is written, so that no number loses a digit.
pub(crate) fn read(text: &str, faults: &mut Faults<'_>) -> Option<Records> {
    let mut objects = Objects {
        text,
        lines: Lines::of(text),
        records: None,
        full: false,
        faults,
    };
    match text.trim_start().as_bytes().first() {
        None => {}
        Some(b'[') => objects.array(),
        Some(b'{') => objects.lines(),
        Some(_) => objects.faults.line(
            objects.lines.line_of(text.len() - text.trim_start().len()),
            "it is neither an array of objects nor one object a line",
            REMEDY_SHAPE,
        ),
    }
    objects.records
}

/// What reads one object after the other.
struct Objects<'o, 'f, 't> {
    text: &'t str,
    lines: Lines<'t>,
    records: Option<Records>,
    full: bool,
    faults: &'o mut Faults<'f>,
}

impl Objects<'_, '_, '_> {
    fn array(&mut self) {
        let mut json = serde_json::Deserializer::from_str(self.text);
        let read = (&mut json).deserialize_seq(Elements(self));
        if let Err(error) = read.and_then(|()| json.end()) {
            self.faults.line(
                error.line() as u64,
                format!("it is no JSON: {error}"),
                "correct it there",
            );
        }
    }

    fn lines(&mut self) {
        for (index, line) in self.text.lines().enumerate() {
            if self.full {
                break;
            }
            if line.trim().is_empty() {
                continue;
            }
            let number = index as u64 + 1;
            if let Err(error) = serde_json::from_str::<&RawValue>(line) {
                self.faults.line(
                    number,
                    format!(
                        "this line is no JSON object: {} at column {}",
                        without_place(&error),
                        error.column()
                    ),
                    REMEDY_SHAPE,
                );
            } else {
                self.object(line, |_| number);
            }
        }
    }

    /// Take in one value, which is known to be JSON. `line` tells where it begins, if that has to be said.
    fn object(&mut self, object: &str, line: impl FnOnce(&mut Lines<'_>) -> u64) {
        let fault = match serde_json::from_str::<Entries<'_>>(object) {
            Ok(entries) => self.record(&entries),
            Err(_) => Err(("it is no object".to_owned(), REMEDY_SHAPE)),
        };
        if let Err((message, remedy)) = fault {
            let line = line(&mut self.lines);
            self.faults.line(line, message, remedy);
        }
    }

    fn record(&mut self, Entries(entries): &Entries<'_>) -> Result<(), (String, &'static str)> {
        if entries.len() > FEEDER_FIELDS_MAX {
            return Err((
                format!("the object has more than {FEEDER_FIELDS_MAX} keys"),
                REMEDY_SHAPE,
            ));
        }
        let repeated = entries.iter().enumerate().find(|(index, (key, _))| {
            let mut before = entries.iter().take(*index);
            before.any(|(earlier, _)| earlier == key)
        });
        if let Some((_, (key, _))) = repeated {
            return Err((
                format!("the object has the key {key:?} twice"),
                "keep one of them",
            ));
        }
        let records = match &mut self.records {
            Some(records) => records,
            None => self.records.insert(first(entries)?),
        };
        let values = arrange(entries, records.fields())?;
        records.push(values.iter().map(AsRef::as_ref)).map_err(|_| {
            self.full = true;
            (
                "more values than a feeder may have".to_owned(),
                "split the file, or leave out fields that no user reads",
            )
        })
    }
}

/// Empty records with the keys of the first object.
fn first(entries: &[(String, &RawValue)]) -> Result<Records, (String, &'static str)> {
    if entries.is_empty() {
        return Err((
            "the first object has no keys".to_owned(),
            "name the fields of the records in it",
        ));
    }
    if entries.iter().any(|(key, _)| key.trim().is_empty()) {
        return Err((
            "the first object has an empty key".to_owned(),
            "name it, or remove it from all objects",
        ));
    }
    let keys = entries.iter().map(|(key, _)| key.clone());
    Ok(Records::new(keys.collect()))
}

/// The values of an object in the order of the fields.
fn arrange<'r>(
    entries: &[(String, &'r RawValue)],
    fields: &[String],
) -> Result<Vec<Cow<'r, str>>, (String, &'static str)> {
    const REMEDY: &str = "give all objects the same keys; write null where there is no value";
    if let Some((key, _)) = entries.iter().find(|(key, _)| !fields.contains(key)) {
        return Err((
            format!("the object has the key {key:?}, which the first one has not"),
            REMEDY,
        ));
    }
    let values = fields.iter().enumerate().map(|(index, field)| {
        // Nearly always at the same place as in the first object.
        let here = entries.get(index).filter(|(key, _)| key == field);
        match here.or_else(|| entries.iter().find(|(key, _)| key == field)) {
            Some((_, raw)) => Ok(value(raw)),
            None => Err((
                format!("the object lacks the key {field:?}, which the first one has"),
                REMEDY,
            )),
        }
    });
    values.collect()
}

fn value(raw: &RawValue) -> Cow<'_, str> {
    let raw = raw.get();
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => inner.into(),
        // Half of a surrogate pair is no text, and is left as it stands.
        Some(_) => serde_json::from_str(raw).map_or(raw.into(), Cow::Owned),
        None => raw.into(),
    }
}

/// What is wrong, without the line and column, which count from the wrong place.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}

/// Hands each element of an array on.
struct Elements<'e, 'o, 'f, 't>(&'e mut Objects<'o, 'f, 't>);

impl<'de> Visitor<'de> for Elements<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let start = self.0.text.as_ptr().addr();
        while let Some(element) = elements.next_element::<&'de RawValue>()? {
            if self.0.full {
                continue;
            }
            let element = element.get();
            // It is a part of the text, so that its place tells its line.
            let at = element.as_ptr().addr().saturating_sub(start);
            self.0.object(element, |lines| lines.line_of(at));
        }
        Ok(())
    }
}

/// An object's keys and values in the order in which they stand, repeated ones included.
struct Entries<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
#[path = "json_file_tests.rs"]
mod tests;
