//! What a served run says otherwise than a run file: stored scenarios in place of components, uploaded files in place of
//! paths, kinds of output without a file, and a short form for one scenario.

use std::fmt;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Reader, Table, join};
use super::{Place, RawFile, scenario, text_of, value_at};
use crate::given::{Given, LOAD_OPTIONS};
use crate::limits::{RUN_COMMENT_BYTES_MAX, RUN_NAME_BYTES_MAX};
use crate::plan::Stored;
use crate::problem::Problem;

/// Keys of a scenario that only served runs have.
pub(super) const STORED_KEYS: [&str; 2] = ["scenario", "digest"];
/// Keys of the top level that only served runs have.
const ABOUT_KEYS: [&str; 4] = ["comment", "id", "name", "scenario"];
/// Keys that stand at the top level in the short form, beside the load.
const SHORT_KEYS: [&str; 3] = ["digest", "roles", "stages"];
/// How a run names what it runs.
pub(super) const SCENARIO_REMEDY: &str =
    "give `scenario`, the name of a stored one, or a table `scenarios` with one of these a key";
/// The files of outputs, below the run's results.
const OUTPUT_FILES: [(&str, &str); 3] = [
    ("json", "samples.json"),
    ("csv", "samples.csv"),
    ("stream-csv", "streams.csv"),
];

/// Where the files are that were uploaded.
#[derive(Clone, Copy)]
pub struct Uploads<'a> {
    /// The path of an uploaded file, by its name.
    pub locate: &'a dyn Fn(&str) -> Option<PathBuf>,
}

impl fmt::Debug for Uploads<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Uploads").finish_non_exhaustive()
    }
}

/// What a served run is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunAbout {
    /// The id its client chose.
    pub id: Option<String>,
    /// A title for people.
    pub name: Option<String>,
    /// Why it is run.
    pub comment: Option<String>,
}

impl RawFile {
    /// Read the text of a served run. Its faults are told by the path of the field, without file and line; unknown keys are
    /// among them.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_served(text: &str, uploads: Uploads<'_>) -> Result<Self, Vec<Problem>> {
        Self::read(text, "", Place::Served(uploads))
    }

    /// What a served run is called.
    #[must_use]
    pub fn about(&self) -> &RunAbout {
        &self.about
    }

    /// The keys that only served runs have.
    pub(super) fn served<'doc>(&mut self, reader: &mut Reader<'doc>, top: Table<'doc>) {
        self.about = about(reader, top);
        match (top.get("scenario"), top.get("scenarios")) {
            (None, None) => {
                let message = "is missing: nothing would run";
                reader.fault(0, "scenario", "", message, SCENARIO_REMEDY);
            }
            (Some(one), Some(_)) => {
                let remedy = "keep one of the two";
                let message = "is given beside `scenarios`";
                reader.fault(one.span().start, "scenario", "", message, remedy);
            }
            (Some(value), None) => self.only(reader, value, top),
            (None, Some(_)) => {}
        }
    }

    /// The short form: one scenario, whose load stands at the top.
    fn only<'doc>(
        &mut self,
        reader: &mut Reader<'doc>,
        value: &'doc Spanned<DeValue<'doc>>,
        top: Table<'doc>,
    ) {
        let Some(name) = reader.text("scenario", value) else {
            return;
        };
        let mut only = scenario::load(reader, "", top);
        only.name.clone_from(&name.value);
        only.place = Some(String::new());
        only.stored = stored(reader, "", &name.value, top);
        // What was read as said of all scenarios is of this one.
        self.plan.users = None;
        self.plan.user_range = None;
        self.plan.scenarios = vec![only];
    }
}

fn about<'doc>(reader: &mut Reader<'doc>, top: Table<'doc>) -> RunAbout {
    let mut text = |key: &str, bytes_max: usize| {
        let given = text_of(reader, "", top, key)?;
        if given.value.len() > bytes_max {
            let message = format!("is longer than the {bytes_max} bytes it may have");
            reader.fault(value_at(top, key), key, "", message, "shorten it");
        }
        Some(given.value)
    };
    let about = RunAbout {
        id: text("id", RUN_NAME_BYTES_MAX),
        name: text("name", RUN_NAME_BYTES_MAX),
        comment: text("comment", RUN_COMMENT_BYTES_MAX),
    };
    if let Some(id) = about.id.as_deref().filter(|id| !is_run_id(id)) {
        let remedy = "use up to 64 small letters, digits and '-', beginning with a letter or digit";
        reader.fault(value_at(top, "id"), "id", id, "is no id for a run", remedy);
    }
    about
}

/// Whether a scenario may be stored under it.
pub(super) fn is_stored_name(name: &str) -> bool {
    is_run_id(&name.replace('_', "-"))
}

fn is_run_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = id.bytes();
    id.len() <= 64
        && bytes.next().is_some_and(plain)
        && bytes.all(|byte| plain(byte) || byte == b'-')
}

/// Keys of the top level that only served runs have.
pub(super) fn keys(place: Place<'_>, top: Table<'_>) -> Vec<&'static str> {
    if !matches!(place, Place::Served(_)) {
        return Vec::new();
    }
    let mut keys = ABOUT_KEYS.to_vec();
    if top.get("scenario").is_some() {
        keys.extend(LOAD_OPTIONS.iter().chain(&SHORT_KEYS));
    }
    keys
}

/// Which stored scenario is meant: that of the same name, if none is named.
pub(super) fn stored<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    name: &str,
    table: Table<'doc>,
) -> Stored {
    if let Some(given) = text_of_file(reader, path, table) {
        refuse_path(
            reader,
            &join(path, "file"),
            value_at(table, "file"),
            &given.value,
        );
    }
    let stored = text_of(reader, path, table, "scenario");
    Stored {
        name: stored.map_or_else(|| name.to_owned(), |given| given.value),
        digest: text_of(reader, path, table, "digest").map(|given| given.value),
    }
}

/// The key that names a component: at the top it is unknown anyhow.
fn text_of_file<'doc>(reader: &mut Reader<'doc>, path: &str, table: Table<'doc>) -> Option<Given> {
    (!path.is_empty())
        .then(|| text_of(reader, path, table, "file"))
        .flatten()
}

/// A served run names no file of the host.
pub(super) fn refuse_path(reader: &mut Reader<'_>, path: &str, at: usize, value: &str) {
    let remedy = match path.rsplit('.').next() {
        Some("file") => "upload the component (PUT /v1/scenarios/NAME) and give `scenario`",
        _ => "leave it out",
    };
    let message = "names a file of the host, which a served run cannot";
    reader.fault(at, path, value, message, remedy);
}

/// `NAME=FILE[:ORDER]` with the path of the uploaded file.
pub(super) fn uploaded(
    reader: &mut Reader<'_>,
    uploads: Uploads<'_>,
    given: Given,
) -> Option<Given> {
    let Some((name, rest)) = given.value.split_once('=') else {
        return Some(given);
    };
    // A name of an upload has no colon.
    let (file, order) = match rest.split_once(':') {
        Some((file, order)) => (file, format!(":{order}")),
        None => (rest, String::new()),
    };
    if let Some(path) = (uploads.locate)(file.trim()) {
        let value = format!("{name}={}{order}", path.display());
        return Some(Given::new(given.field, value));
    }
    reader.problems.push(Problem::new(
        given.field,
        file,
        "no file of this name was uploaded",
        "upload it: PUT /v1/files/NAME",
    ));
    None
}

/// `KIND` as `KIND=FILE`: the file is one of the run's results.
pub(super) fn output(reader: &mut Reader<'_>, given: Given) -> Option<Given> {
    let known = OUTPUT_FILES.iter().find(|(kind, _)| *kind == given.value);
    if let Some((kind, file)) = known {
        return Some(Given::new(given.field, format!("{kind}={file}")));
    }
    let kinds = OUTPUT_FILES.map(|(kind, _)| kind).join(", ");
    reader.problems.push(Problem::new(
        given.field,
        given.value,
        "is no kind of output; its file is one of the run's results",
        format!("use one of {kinds}, without a file"),
    ));
    None
}

#[cfg(test)]
mod tests;
