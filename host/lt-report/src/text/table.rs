//! Lines of names, dots and values, aligned over all sections.

use super::paint::Paint;

/// Where values begin, counted from the beginning of a name: k6's column. Longer names move it.
const VALUE_COLUMN_MIN: usize = 35;
/// Fewest dots after a name.
const DOTS_MIN: usize = 3;
/// How far a nested name is moved in.
const NESTED: usize = 2;

/// One line.
#[derive(Debug)]
pub(super) struct Row {
    indent: usize,
    name: String,
    cells: Cells,
}

/// What follows the dots.
#[derive(Debug)]
pub(super) enum Cells {
    /// Named columns.
    Trend(Vec<(&'static str, String)>),
    /// A value and what explains it.
    Other {
        /// The value.
        value: String,
        /// What explains it.
        extras: Vec<String>,
    },
}

impl Row {
    pub(super) fn new(name: &str, cells: Cells) -> Self {
        Self {
            indent: 0,
            name: name.to_owned(),
            cells,
        }
    }

    pub(super) fn nested(name: &str, cells: Cells) -> Self {
        Self {
            indent: NESTED,
            name: name.to_owned(),
            cells,
        }
    }

    fn name_width(&self) -> usize {
        self.indent + width(&self.name)
    }
}

/// The widths that all lines share.
#[derive(Debug, Default)]
pub(super) struct Table {
    name: usize,
    value: usize,
    extras: Vec<usize>,
    columns: Vec<usize>,
}

impl Table {
    pub(super) fn new<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut table = Self {
            name: VALUE_COLUMN_MIN - DOTS_MIN,
            ..Self::default()
        };
        for row in rows {
            table.name = table.name.max(row.name_width());
            match &row.cells {
                Cells::Trend(columns) => {
                    widen(&mut table.columns, columns.iter().map(|(_, text)| text))
                }
                Cells::Other { value, extras } => {
                    table.value = table.value.max(width(value));
                    widen(&mut table.extras, extras.iter());
                }
            }
        }
        table
    }

    pub(super) fn line(&self, row: &Row, paint: Paint) -> String {
        let dots = self.name + DOTS_MIN - row.name_width().min(self.name);
        let lead = format!(
            "    {}{}{}",
            " ".repeat(row.indent),
            row.name,
            paint.faint(&format!("{}:", ".".repeat(dots)))
        );
        let cells = match &row.cells {
            Cells::Trend(columns) => columns
                .iter()
                .zip(&self.columns)
                .map(|((name, text), wide)| {
                    format!("{name}={}", padded(text, *wide, &paint.cyan(text)))
                })
                .collect::<Vec<_>>()
                .join(" "),
            Cells::Other { value, extras } => {
                let value = padded(value, self.value, &paint.cyan(value));
                let extras = extras
                    .iter()
                    .zip(&self.extras)
                    .map(|(text, wide)| padded(text, *wide, &paint.faint(text)));
                std::iter::once(value)
                    .chain(extras)
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        };
        format!("{lead} {}", cells.trim_end())
    }
}

fn widen<'a>(widths: &mut Vec<usize>, texts: impl Iterator<Item = &'a String>) {
    for (column, text) in texts.enumerate() {
        if widths.len() <= column {
            widths.push(0);
        }
        if let Some(wide) = widths.get_mut(column) {
            *wide = (*wide).max(width(text));
        }
    }
}

/// `painted`, filled with spaces as if it were as wide as `text` is.
fn padded(text: &str, wide: usize, painted: &str) -> String {
    format!("{painted}{}", " ".repeat(wide.saturating_sub(width(text))))
}

fn width(text: &str) -> usize {
    text.chars().count()
}
