//! Records, kept as one text: ten million of them are two allocations, not thirty million.

use lt_spec::limits::FEEDER_VALUES_MAX;

/// The records of a feeder. Each has one value a field.
#[derive(Debug)]
pub(crate) struct Records {
    fields: Vec<String>,
    /// All values, one behind the other.
    text: String,
    /// Where each value ends in `text`; it begins where the one before ends.
    ends: Vec<u32>,
}

/// More values than [`FEEDER_VALUES_MAX`], or more than 4 GiB of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Records {
    pub(crate) const fn new(fields: Vec<String>) -> Self {
        Self {
            fields,
            text: String::new(),
            ends: Vec::new(),
        }
    }

    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    pub(crate) fn len(&self) -> u64 {
        self.ends
            .len()
            .checked_div(self.fields.len())
            .unwrap_or_default() as u64
    }

    /// Add a record. The caller sees to it that it has as many values as there are fields.
    pub(crate) fn push<'v>(
        &mut self,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<(), TooMany> {
        if self.ends.len() + self.fields.len() > FEEDER_VALUES_MAX {
            return Err(TooMany);
        }
        for value in values {
            self.text.push_str(value);
            let end = u32::try_from(self.text.len()).map_err(|_| TooMany)?;
            self.ends.push(end);
        }
        Ok(())
    }

    /// The values of a record, copied for the one user that gets it.
    pub(crate) fn get(&self, index: u64) -> Option<Vec<String>> {
        let width = self.fields.len();
        let first = usize::try_from(index).ok()?.checked_mul(width)?;
        let ends = self.ends.get(first..first.checked_add(width)?)?;
        let mut start = match first.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        ends.iter()
            .map(|&end| {
                let value = self.text.get(start..end as usize)?;
                start = end as usize;
                Some(value.to_owned())
            })
            .collect()
    }

    /// Give back what growing took too much.
    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Tells the lines of places in a text, which must be asked for in their order.
pub(crate) struct Lines<'t> {
    rest: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    pub(crate) const fn of(text: &'t str) -> Self {
        Self {
            rest: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// The line, counted from 1, in which the byte at `at` lies.
    pub(crate) fn line_of(&mut self, at: usize) -> u64 {
        let (passed, rest) = self
            .rest
            .split_at_checked(at.saturating_sub(self.at))
            .unwrap_or((self.rest, &[]));
        // A carriage return alone ends a line too, as `csv` takes it.
        let mut next = passed.iter().skip(1).chain(rest.first());
        for byte in passed {
            let next = next.next();
            if *byte == b'\n' || (*byte == b'\r' && next != Some(&b'\n')) {
                self.line += 1;
            }
        }
        self.at += passed.len();
        self.rest = rest;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_went_in() {
        let mut records = Records::new(vec!["a".to_owned(), "b".to_owned()]);
        for row in [["", ""], ["ü", "2"], ["x", ""]] {
            records.push(row).unwrap();
        }
        records.shrink();
        assert_eq!(records.len(), 3);
        assert_eq!(records.get(0).unwrap(), ["", ""]);
        assert_eq!(records.get(1).unwrap(), ["ü", "2"]);
        assert_eq!(records.get(2).unwrap(), ["x", ""]);
        assert_eq!(records.get(3), None);
        assert_eq!(records.get(u64::MAX), None);
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        let text = "a\nb\r\nc\rd";
        let mut lines = Lines::of(text);
        let found = ["a", "b", "c", "d"].map(|letter| lines.line_of(text.find(letter).unwrap()));
        assert_eq!(found, [1, 2, 3, 4]);
        assert_eq!(lines.line_of(1000), 4);
    }
}
