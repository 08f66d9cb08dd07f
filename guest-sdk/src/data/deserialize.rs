//! Records as typed values.

use std::fmt;

use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Error, Record, Result};

impl Record {
    /// The record as a value of yours: fields by their names, numbers and booleans read from their texts, an empty text `None`
    /// where a field is optional. Arrays and objects of a JSON file stay texts: [`json::from_slice`](crate::json::from_slice)
    /// reads them.
    ///
    /// # Errors
    /// If a field is missing or its text is no such value.
    ///
    /// ```
    /// use lt_sdk::serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// #[serde(crate = "lt_sdk::serde")]
    /// struct Account {
    ///     name: String,
    ///     age: u8,
    /// }
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// # let record = lt_sdk::data::Record::new([("name", "ada"), ("age", "36")]);
    /// let account: Account = record.deserialize()?;
    /// assert_eq!((account.name.as_str(), account.age), ("ada", 36));
    /// # Ok(())
    /// # }
    /// ```
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        let pairs = self.iter().map(|(field, text)| (field, Text(text)));
        T::deserialize(MapDeserializer::new(pairs))
    }
}

impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Form(message.to_string())
    }
}

/// One value: a text, from which whatever is asked for is read.
struct Text<'a>(&'a str);

impl<'de> IntoDeserializer<'de, Error> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Text<'_> {
    /// What the text stands for; the visitor says what was expected.
    fn read<'de, T: std::str::FromStr>(&self, visitor: &impl Visitor<'de>) -> Result<T> {
        let unfit = || de::Error::invalid_value(de::Unexpected::Str(self.0), visitor);
        self.0.trim().parse().map_err(|_| unfit())
    }
}

macro_rules! read {
    ($($function:ident $visit:ident;)+) => {$(
        fn $function<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let value = self.read(&visitor)?;
            visitor.$visit(value)
        }
    )+};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    read! {
        deserialize_bool visit_bool;
        deserialize_u8 visit_u64; deserialize_u16 visit_u64; deserialize_u32 visit_u64; deserialize_u64 visit_u64;
        deserialize_i8 visit_i64; deserialize_i16 visit_i64; deserialize_i32 visit_i64; deserialize_i64 visit_i64;
        deserialize_f32 visit_f64; deserialize_f64 visit_f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.0.is_empty() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(StrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Account {
        name: String,
        age: u8,
        balance: f64,
        admin: bool,
        town: Option<String>,
        limit: Option<i16>,
        plan: Plan,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Plan {
        Free,
        Paid,
    }

    fn record<'a>(age: &'a str, plan: &'a str) -> Record {
        Record::new([
            ("name", "36"),
            ("age", age),
            ("balance", "-1.5"),
            ("admin", "true"),
            ("town", ""),
            ("limit", "-7"),
            ("plan", plan),
            ("unused", "[1]"),
        ])
    }

    #[test]
    fn texts_become_what_is_asked_for() {
        let account: Account = record(" 36", "paid").deserialize().unwrap();
        let expected = Account {
            name: "36".into(),
            age: 36,
            balance: -1.5,
            admin: true,
            town: None,
            limit: Some(-7),
            plan: Plan::Paid,
        };
        assert_eq!(account, expected);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let fault = |record: Record| record.deserialize::<Account>().unwrap_err().to_string();
        assert!(fault(record("many", "free")).contains("\"many\""));
        assert!(fault(record("256", "free")).contains("256"));
        assert!(fault(record("1", "none")).contains("none"));
        assert!(fault(Record::new([("name", "ada")])).contains("age"));
    }
}
