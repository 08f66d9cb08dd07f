//! Records from CSV: a header, then one record a row.

use std::io::Read;

use csv::StringRecord;
use lt_spec::limits::FEEDER_FIELDS_MAX;

use crate::problem::Faults;
use crate::records::{Lines, Records};

/// Read behind the text. A quoted field that is never closed takes it in, which `csv` itself would not report.
const END: &str = "\n\u{1}end of lt-host's file\u{1}\n";

const REMEDY_ROW: &str = "give each row one field for each name of the header; quote fields that contain a comma or a line break";

/// The records of a CSV text; `None` if there was not even a header. Every fault is told.
pub(crate) fn read(text: &str, faults: &mut Faults<'_>) -> Option<Records> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes().chain(END.as_bytes()));
    let mut lines = Lines::of(text);
    let mut row = StringRecord::new();
    let mut records: Option<Records> = None;
    loop {
        match reader.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                faults.file(format!("it is no CSV: {error}"), REMEDY_ROW);
                break;
            }
        }
        let start = start_of(&row, text);
        if start >= text.len() {
            break; // what we put behind the text
        }
        if row.iter().next_back().is_some_and(|it| it.ends_with(END)) {
            faults.line(
                lines.line_of(start),
                "a quoted field that begins in this row has no end",
                "close it with a quote; write a quote inside a quoted field twice",
            );
            break;
        }
        let Some(records) = &mut records else {
            check_header(&row, lines.line_of(start), faults);
            records = Some(Records::new(row.iter().map(str::to_owned).collect()));
            continue;
        };
        let (expected, found) = (records.fields().len(), row.len());
        if found != expected {
            faults.line(
                lines.line_of(start),
                format!("this row has {}, the header has {expected}", fields(found)),
                REMEDY_ROW,
            );
        } else if records.push(&row).is_err() {
            faults.line(
                lines.line_of(start),
                "more values than a feeder may have",
                "split the file, or leave out fields that no user reads",
            );
            break;
        }
    }
    records
}

/// Where a row begins. `csv` counts the line ends and empty lines before it to the row.
fn start_of(row: &StringRecord, text: &str) -> usize {
    let byte = row
        .position()
        .and_then(|position| usize::try_from(position.byte()).ok())
        .unwrap_or_default();
    let rest = text.as_bytes().get(byte..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    byte + ends.count()
}

fn check_header(header: &StringRecord, line: u64, faults: &mut Faults<'_>) {
    if header.len() > FEEDER_FIELDS_MAX {
        faults.line(
            line,
            format!("the header has more than {FEEDER_FIELDS_MAX} names"),
            "write one record a row, below a header",
        );
        return;
    }
    for (index, name) in header.iter().enumerate() {
        if name.trim().is_empty() {
            faults.line(
                line,
                format!("field {} of the header has no name", index + 1),
                "name it, or remove the column",
            );
        } else if header.iter().take(index).any(|before| before == name) {
            faults.line(
                line,
                format!("the header has the name {name:?} twice"),
                "give each column a name of its own",
            );
        }
    }
}

fn fields(number: usize) -> String {
    match number {
        1 => "1 field".to_owned(),
        _ => format!("{number} fields"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_all(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let mut faults = Faults::of("people", Path::new("p.csv"));
        let records = read(text, &mut faults).unwrap();
        assert_eq!(faults.finish(), []);
        let rows = (0..records.len()).map(|i| records.get(i).unwrap());
        (records.fields().to_vec(), rows.collect())
    }

    fn faults_of(text: &str) -> Vec<String> {
        let mut faults = Faults::of("people", Path::new("p.csv"));
        let _ = read(text, &mut faults);
        let texts = faults.finish().into_iter();
        texts
            .map(|it| format!("{}: {}", it.line.unwrap_or_default(), it.message))
            .collect()
    }

    #[test]
    fn rows_are_records() {
        for text in [
            "name,age\nAnn,7\nBob,8\n",
            "name,age\r\nAnn,7\r\n\r\nBob,8",
            "name,age\rAnn,7\rBob,8\r",
        ] {
            let (fields, rows) = read_all(text);
            assert_eq!(fields, ["name", "age"]);
            assert_eq!(rows, [["Ann", "7"], ["Bob", "8"]], "{text:?}");
        }
    }

    #[test]
    fn quoted_fields_hold_anything() {
        let (fields, rows) = read_all("\"na,me\",t\n\"a\n\"\"b\"\"\r\nc\",\"\"\n,x\n");
        assert_eq!(fields, ["na,me", "t"]);
        assert_eq!(rows, [["a\n\"b\"\r\nc", ""], ["", "x"]]);
    }

    #[test]
    fn ragged_rows_are_named_each() {
        let text = "\n\na,b\r\n1,2\r\n\"x\ny\",2\r\n3\r\n\r\n4,5,6\r\n7,8\r\n9,";
        assert_eq!(
            faults_of(text),
            [
                "7: this row has 1 field, the header has 2",
                "9: this row has 3 fields, the header has 2"
            ]
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_does_not_swallow_the_rest() {
        let fault = "a quoted field that begins in this row has no end";
        assert_eq!(faults_of("a,b\n1,\"2\n3,4\n5,6\n"), [format!("2: {fault}")]);
        assert_eq!(faults_of("a,b\n1,\"2\"\"\n"), [format!("2: {fault}")]);
        assert_eq!(faults_of("\"a,b\n"), [format!("1: {fault}")]);
        assert_eq!(faults_of("a,b\n1,\"2\""), [""; 0]);
    }

    #[test]
    fn headers_name_each_column_once() {
        assert_eq!(
            faults_of("a,,b,a,  \n1,2,3,4,5\n"),
            [
                "1: field 2 of the header has no name",
                "1: the header has the name \"a\" twice",
                "1: field 5 of the header has no name",
            ]
        );
    }

    #[test]
    fn a_table_on_its_side_is_refused() {
        let header = |number| {
            let names: Vec<_> = (0..number).map(|n| n.to_string()).collect();
            names.join(",")
        };
        assert_eq!(faults_of(&header(FEEDER_FIELDS_MAX)), [""; 0]);
        assert_eq!(
            faults_of(&header(FEEDER_FIELDS_MAX + 1)),
            ["1: the header has more than 1024 names"]
        );
    }

    #[test]
    fn nothing_is_no_header() {
        let mut faults = Faults::of("people", Path::new("p.csv"));
        assert!(read("", &mut faults).is_none());
        assert!(read("\r\n\n", &mut faults).is_none());
        assert!(faults.is_empty());
    }
}
