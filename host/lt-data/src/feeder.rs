//! The records of one file, and the order in which they are handed out.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::problem::Faults;
use crate::records::Records;
use crate::{DataError, DataProblem, FeederFile, Order};

/// Records that users take one by one. It belongs to one run: it remembers the order that its users agreed on.
#[derive(Debug)]
pub struct Feeder {
    name: String,
    path: PathBuf,
    records: Records,
    configured: Option<Order>,
    opened: OnceLock<Order>,
}

impl Feeder {
    pub(crate) fn new(file: &FeederFile, records: Records) -> Self {
        Self {
            name: file.name.clone(),
            path: file.path.clone(),
            records,
            configured: file.order,
            opened: OnceLock::new(),
        }
    }

    /// What the run calls it; also the name of its common cursor.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names of the fields, in the order of the values.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        self.records.fields()
    }

    /// Number of records: at least 1.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a feeder without records is refused when it is read"
    )]
    pub fn len(&self) -> u64 {
        self.records.len()
    }

    /// The values of the record at this position, counted from 0; `None` behind the last.
    #[must_use]
    pub fn record(&self, index: u64) -> Option<Vec<String>> {
        self.records.get(index)
    }

    /// Hold the records against the fields that a scenario declares to read.
    ///
    /// # Errors
    /// A problem for each field that the records have not.
    pub fn check_fields(&self, wanted: &[String]) -> Result<(), Vec<DataProblem>> {
        let mut faults = Faults::of(&self.name, &self.path);
        for field in wanted {
            if !self.fields().contains(field) {
                faults.file(
                    format!("its records have no field {field:?}, which the scenario reads"),
                    format!(
                        "add it, or name the file that has it in --feeder {}=FILE",
                        self.name
                    ),
                );
            }
        }
        let problems = faults.finish();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// The order that the run's configuration gives it.
    #[must_use]
    pub const fn order(&self) -> Option<Order> {
        self.configured
    }

    /// The order that applies to a user that asks for `asked`: the configured one, else the one asked for, else sequential.
    ///
    /// # Errors
    /// `Conflict`: no order is configured, and an earlier user's was another. Each host knows only its own users.
    pub fn open(&self, asked: Option<Order>) -> Result<Order, DataError> {
        if let Some(order) = self.configured {
            return Ok(order);
        }
        let order = asked.unwrap_or(Order::Sequential);
        let opened = *self.opened.get_or_init(|| order);
        if opened != order {
            return Err(DataError::Conflict(format!(
                "feeder {:?} was opened before as {opened}, and is now asked for as {order}",
                self.name
            )));
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feeder(configured: Option<Order>) -> Feeder {
        let mut records = Records::new(vec!["a".to_owned(), "b".to_owned()]);
        records.push(["1", "2"]).unwrap();
        let file = FeederFile {
            name: "people".to_owned(),
            path: "p.csv".into(),
            order: configured,
        };
        Feeder::new(&file, records)
    }

    #[test]
    fn the_configured_order_counts() {
        let feeder = feeder(Some(Order::Unique));
        assert_eq!(feeder.open(Some(Order::Random)), Ok(Order::Unique));
        assert_eq!(feeder.open(None), Ok(Order::Unique));
    }

    #[test]
    fn fields_that_a_scenario_reads_must_be_there() {
        let feeder = feeder(None);
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(feeder.check_fields(&names(&["b", "a"])), Ok(()));
        assert_eq!(feeder.check_fields(&[]), Ok(()));
        let problems = feeder.check_fields(&names(&["A", "b", "c"])).unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["A", "c"].map(|field| format!(
                "p.csv: its records have no field {field:?}, which the scenario reads \
                 (remedy: add it, or name the file that has it in --feeder people=FILE)"
            ))
        );
    }

    #[test]
    fn users_agree_on_an_order() {
        let asked = feeder(None);
        assert_eq!(asked.open(Some(Order::Circular)), Ok(Order::Circular));
        assert_eq!(asked.open(Some(Order::Circular)), Ok(Order::Circular));
        let error = asked.open(None).unwrap_err();
        assert!(
            matches!(&error, DataError::Conflict(text) if text.contains("circular") && text.contains("sequential"))
        );

        let unasked = feeder(None);
        assert_eq!(unasked.open(None), Ok(Order::Sequential));
        assert_eq!(unasked.open(Some(Order::Sequential)), Ok(Order::Sequential));
        assert!(unasked.open(Some(Order::Random)).is_err());
    }
}
