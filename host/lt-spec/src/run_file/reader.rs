//! Typed access to a TOML document that remembers lines: whatever is wrong is noted with its file, line and field, and
//! reading goes on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::given::Given;
use crate::parse::Fault;
use crate::resolve::{Problems, nearest};

/// One key of a table with its value.
pub(super) type Entry<'doc> = (&'doc str, &'doc Spanned<DeValue<'doc>>);

/// A table and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Table<'doc> {
    entries: &'doc DeTable<'doc>,
}

/// What reads one file.
pub(super) struct Reader<'doc> {
    text: &'doc str,
    /// Where each line begins, so that a long file costs no more for each of its values.
    line_starts: Vec<usize>,
    /// How problems call the file; empty if its places are told by their path alone.
    file_name: &'doc str,
    pub(super) problems: Problems,
    /// How many of the problems are keys that there are not.
    unknown: usize,
}

impl<'doc> Table<'doc> {
    pub(super) fn new(entries: &'doc DeTable<'doc>) -> Self {
        Self { entries }
    }

    /// Its entries in the order of the file, each with where its key stands.
    pub(super) fn entries(self) -> Vec<(usize, Entry<'doc>)> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| (key.span().start, (key.get_ref().as_ref(), value)))
            .collect();
        entries.sort_by_key(|(at, _)| *at);
        entries
    }

    pub(super) fn get(self, key: &str) -> Option<&'doc Spanned<DeValue<'doc>>> {
        self.entries
            .iter()
            .find(|(known, _)| known.get_ref() == key)
            .map(|(_, value)| value)
    }
}

impl<'doc> Reader<'doc> {
    pub(super) fn new(text: &'doc str, file_name: &'doc str) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        Self {
            text,
            line_starts: std::iter::once(0).chain(ends).collect(),
            file_name,
            problems: Problems::default(),
            unknown: 0,
        }
    }

    /// Line and column of a place in the text, counted from 1.
    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts.get(line.saturating_sub(1)).copied();
        let before = self.text.get(start.unwrap_or(0)..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// `run.toml:12 scenarios.chat.users`; without a file's name `scenarios.chat.users`.
    pub(super) fn field(&self, at: usize, path: &str) -> String {
        if self.file_name.is_empty() {
            return path.to_owned();
        }
        let (line, _) = self.line_and_column(at);
        format!("{}:{line} {path}", self.file_name)
    }

    /// Where the syntax is wrong: `run.toml:12 column 3`.
    pub(super) fn place(&self, at: usize) -> String {
        let (line, column) = self.line_and_column(at);
        if self.file_name.is_empty() {
            return format!("line {line} column {column}");
        }
        format!("{}:{line} column {column}", self.file_name)
    }

    pub(super) fn fault(
        &mut self,
        at: usize,
        path: &str,
        value: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let field = self.field(at, path);
        self.problems
            .add(&field, value, Fault::new(message, remedy));
    }

    /// Tell of every key that is not among the known ones.
    pub(super) fn check_keys(&mut self, path: &str, table: Table<'doc>, known: &[&str]) {
        for (at, (key, _)) in table.entries() {
            if known.contains(&key) {
                continue;
            }
            let remedy = match nearest(key, known.iter().copied()) {
                Some(similar) => format!("did you mean {similar}?"),
                None => format!("known here: {}", known.join(", ")),
            };
            let before = self.problems.len();
            self.fault(at, &join(path, key), "", "there is no such key", remedy);
            self.unknown += self.problems.len() - before;
        }
    }

    /// Whether nothing was found but keys that there are not: then all the others were read.
    pub(super) fn has_only_unknown_keys(&self) -> bool {
        self.problems.len() == self.unknown
    }

    fn wrong_type(&mut self, path: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time of day",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("is {found}, where {wanted} belongs");
        self.fault(
            value.span().start,
            path,
            "",
            message,
            format!("write {wanted}"),
        );
    }

    /// A text or a number, as text.
    pub(super) fn text(&mut self, path: &str, value: &Spanned<DeValue<'doc>>) -> Option<Given> {
        let Some(text) = plain(value.get_ref()) else {
            self.wrong_type(path, value, "a text or a number");
            return None;
        };
        Some(Given::new(self.field(value.span().start, path), text))
    }

    /// A text, a number, `true` or `false`, as text.
    pub(super) fn scalar(&mut self, path: &str, value: &Spanned<DeValue<'doc>>) -> Option<Given> {
        if let DeValue::Boolean(value_of) = value.get_ref() {
            let field = self.field(value.span().start, path);
            return Some(Given::new(field, value_of.to_string()));
        }
        self.text(path, value)
    }

    pub(super) fn boolean(&mut self, path: &str, value: &Spanned<DeValue<'doc>>) -> Option<bool> {
        if let DeValue::Boolean(value) = value.get_ref() {
            return Some(*value);
        }
        self.wrong_type(path, value, "true or false");
        None
    }

    pub(super) fn table(
        &mut self,
        path: &str,
        value: &'doc Spanned<DeValue<'doc>>,
    ) -> Option<Table<'doc>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Table::new(table));
        }
        self.wrong_type(path, value, "a table");
        None
    }

    pub(super) fn list(
        &mut self,
        path: &str,
        value: &'doc Spanned<DeValue<'doc>>,
    ) -> Vec<&'doc Spanned<DeValue<'doc>>> {
        if let DeValue::Array(list) = value.get_ref() {
            return list.iter().collect();
        }
        self.wrong_type(path, value, "a list");
        Vec::new()
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, path: &str, value: &'doc Spanned<DeValue<'doc>>) -> Vec<Given> {
        let list = self.list(path, value);
        list.into_iter()
            .filter_map(|value| self.text(path, value))
            .collect()
    }

    /// A table of plain values, as `NAME=VALUE`.
    pub(super) fn pairs(&mut self, path: &str, value: &'doc Spanned<DeValue<'doc>>) -> Vec<Given> {
        let Some(table) = self.table(path, value) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (_, (name, value)) in table.entries() {
            if let Some(given) = self.scalar(&join(path, name), value) {
                pairs.push(Given::new(given.field, format!("{name}={}", given.value)));
            }
        }
        pairs
    }
}

/// A key under a path; the top level has none.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => {
            Some(number.as_str().trim_start_matches('+').to_owned())
        }
        DeValue::Integer(number) => {
            let value = i128::from_str_radix(number.as_str(), number.radix());
            Some(value.map_or_else(|_| number.to_string(), |value| value.to_string()))
        }
        DeValue::Float(number) => Some(number.as_str().trim_start_matches('+').to_owned()),
        _ => None,
    }
}
