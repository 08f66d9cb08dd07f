//! Records for users, from CSV and JSON files.

use std::rc::Rc;

use super::{Error, Result};
use crate::bindings::lt::scenario::data as host;

/// In which order a feeder's records are handed out.
///
/// ```
/// let order = lt_sdk::data::Order::Unique;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each record once, to whichever user asks next, until none is left.
    Sequential,
    /// The same, from the beginning again after the last.
    Circular,
    /// Any record, drawn from the user's seeded random numbers.
    Random,
    /// One record for each user, always the same one. Users beyond the last record get [`Error::Exhausted`].
    Unique,
    /// Records shared out by user: of N planned users, each takes every N-th record, from its own position on, in order, until
    /// none is left.
    Disjoint,
}

impl From<Order> for host::Order {
    fn from(order: Order) -> Self {
        match order {
            Order::Sequential => Self::Sequential,
            Order::Circular => Self::Circular,
            Order::Random => Self::Random,
            Order::Unique => Self::Unique,
            Order::Disjoint => Self::Disjoint,
        }
    }
}

/// Records from a CSV or JSON file of the run.
///
/// ```no_run
/// # fn join() -> lt_sdk::Result<()> {
/// let account = lt_sdk::data::Feeder::open("accounts")?.next()?;
/// let name = account.require("name")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Feeder {
    feeder: host::Feeder,
    fields: Rc<[String]>,
}

impl Feeder {
    /// Open the feeder that `--feeder NAME=FILE` gives this name, in the order that the run's configuration says, else
    /// [`Order::Sequential`].
    ///
    /// # Errors
    /// If the run has none of this name, or another user opened it with an order.
    ///
    /// ```no_run
    /// # fn join() -> lt_sdk::Result<()> {
    /// let accounts = lt_sdk::data::Feeder::open("accounts")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(name: &str) -> Result<Self> {
        Self::open_as(name, None)
    }

    /// The same in this order, unless the run's configuration says another.
    ///
    /// # Errors
    /// If the run has none of this name, or another user opened it with another order.
    ///
    /// ```no_run
    /// use lt_sdk::data::{Feeder, Order};
    ///
    /// # fn join() -> lt_sdk::Result<()> {
    /// let accounts = Feeder::open_in_order("accounts", Order::Unique)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_order(name: &str, order: Order) -> Result<Self> {
        Self::open_as(name, Some(order))
    }

    fn open_as(name: &str, order: Option<Order>) -> Result<Self> {
        let feeder = host::Feeder::open(name, order.map(Into::into))?;
        let fields = feeder.fields().into();
        Ok(Self { feeder, fields })
    }

    /// Names of the fields, in the order of the values.
    ///
    /// ```no_run
    /// # fn show(accounts: &lt_sdk::data::Feeder) -> bool {
    /// accounts.fields().iter().any(|field| field == "password")
    /// # }
    /// ```
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Number of records.
    ///
    /// ```no_run
    /// # fn show(accounts: &lt_sdk::data::Feeder) -> u64 {
    /// accounts.size()
    /// # }
    /// ```
    #[must_use]
    pub fn size(&self) -> u64 {
        self.feeder.size()
    }

    /// The next record for this user.
    ///
    /// # Errors
    /// If there are no more.
    ///
    /// ```no_run
    /// # fn iterate(accounts: &lt_sdk::data::Feeder) -> lt_sdk::Result<()> {
    /// let account = accounts.next()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn next(&self) -> Result<Record> {
        Ok(self.record(self.feeder.next()?))
    }

    /// The record at this position, counted from 0, without taking it.
    ///
    /// # Errors
    /// If there are not so many.
    ///
    /// ```no_run
    /// # fn iterate(accounts: &lt_sdk::data::Feeder) -> lt_sdk::Result<()> {
    /// let administrator = accounts.at(0)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn at(&self, index: u64) -> Result<Record> {
        Ok(self.record(self.feeder.at(index)?))
    }

    fn record(&self, values: Vec<String>) -> Record {
        Record {
            fields: Rc::clone(&self.fields),
            values,
        }
    }
}

/// One record: a value for each field. Values of JSON that are not texts are JSON again.
///
/// ```no_run
/// # fn show(account: &lt_sdk::data::Record) {
/// for (field, value) in account.iter() {
///     lt_sdk::log::debug!("{field} is {value}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    fields: Rc<[String]>,
    values: Vec<String>,
}

impl Record {
    /// The value of a field; `None` if there is no such field.
    ///
    /// ```no_run
    /// # fn show(account: &lt_sdk::data::Record) {
    /// let locale = account.get("locale").unwrap_or("en");
    /// # }
    /// ```
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        let position = self.fields.iter().position(|name| name == field)?;
        self.values.get(position).map(String::as_str)
    }

    /// The value of a field that must be there.
    ///
    /// # Errors
    /// If there is no such field.
    ///
    /// ```no_run
    /// # fn show(account: &lt_sdk::data::Record) -> lt_sdk::Result<()> {
    /// let password = account.require("password")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn require(&self, field: &str) -> Result<&str> {
        self.get(field)
            .ok_or_else(|| Error::NoField(field.to_owned()))
    }

    /// Fields and values, in the order of the file.
    ///
    /// ```no_run
    /// # fn show(account: &lt_sdk::data::Record) -> usize {
    /// account.iter().filter(|(_, value)| value.is_empty()).count()
    /// # }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter().map(String::as_str);
        self.fields.iter().map(String::as_str).zip(values)
    }

    /// The values, in the order of the fields.
    ///
    /// ```no_run
    /// # fn show(account: &lt_sdk::data::Record) -> Option<&String> {
    /// account.values().first()
    /// # }
    /// ```
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// A record of these fields and values, for tests of code that takes one.
    ///
    /// ```
    /// let account = lt_sdk::data::Record::new([("name", "ada"), ("password", "secret")]);
    /// assert_eq!(account.get("name"), Some("ada"));
    /// ```
    #[must_use]
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (fields, values): (Vec<String>, Vec<String>) = pairs
            .into_iter()
            .map(|(field, value)| (field.to_owned(), value.to_owned()))
            .unzip();
        Self {
            fields: fields.into(),
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_fields() {
        let record = Record::new([("name", "ada"), ("age", "36")]);
        assert_eq!(record.get("age"), Some("36"));
        assert_eq!(record.get("Age"), None);
        assert_eq!(
            record.require("town").unwrap_err().to_string(),
            "the record has no such field: town"
        );
        assert_eq!(
            record.iter().collect::<Vec<_>>(),
            [("name", "ada"), ("age", "36")]
        );
    }
}
