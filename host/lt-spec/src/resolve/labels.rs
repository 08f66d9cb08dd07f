//! Tags of samples, and files that samples go to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Problems;
use crate::given::Given;
use crate::limits::{RUN_TAGS_MAX, TAG_BYTES_MAX};
use crate::parse::{self, Fault};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::spec::Output;

/// Tags that the host itself puts on samples (k6's system tags, and ours): a run may not claim them.
pub const RESERVED_TAGS: [&str; 19] = [
    "check",
    "class",
    "error",
    "error_code",
    "expected_response",
    "group",
    "iter",
    "method",
    "name",
    "node",
    "proto",
    "role",
    "scenario",
    "status",
    "subproto",
    "tls_version",
    "url",
    "version",
    "vu",
];

/// Kinds of outputs, as typed before the `=`.
const OUTPUT_KINDS: [&str; 3] = ["json", "csv", "stream-csv"];

/// The tags given here, over those that are there already.
pub(super) fn tags(
    given: &[Given],
    mut tags: BTreeMap<String, String>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    for text in given {
        if let Some((name, value)) = problems.read(text, tag) {
            tags.insert(name, value);
        }
    }
    if let Some(first) = given.first().filter(|_| tags.len() > RUN_TAGS_MAX) {
        let fault = Fault::new(
            format!(
                "{} tags are more than the {RUN_TAGS_MAX} a run may have",
                tags.len()
            ),
            "give fewer",
        );
        problems.add(&first.field, "", fault);
    }
    tags
}

/// Check tags that a run is given while it goes on.
///
/// # Errors
/// Everything that is wrong with them, each as a problem of the field `tags.NAME`.
pub fn check_tags(
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut problems = Problems::default();
    let given: Vec<Given> = given
        .iter()
        .map(|(name, value)| Given::new(format!("tags.{name}"), format!("{name}={value}")))
        .collect();
    let tags = tags(&given, BTreeMap::new(), &mut problems);
    problems.unless_any(Some(tags))
}

fn tag(text: &str) -> Result<(String, String), Fault> {
    let (name, value) = parse::pair(text)?;
    if RESERVED_TAGS.contains(&name) {
        return Err(Fault::new(
            format!("{name} is a tag that lt-host sets itself"),
            format!("use another name, such as run_{name}"),
        ));
    }
    let plain = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
    if !name.chars().all(plain) {
        return Err(Fault::new(
            "has a name with other characters than letters, digits, '_', '-' and '.'",
            "use such a name",
        ));
    }
    if name.len() > TAG_BYTES_MAX || value.len() > TAG_BYTES_MAX {
        return Err(Fault::new(
            format!("has a name or value over {TAG_BYTES_MAX} bytes"),
            "use a shorter one",
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Where samples go; each output has a file of its own.
pub(super) fn outputs(plan: &Plan, problems: &mut Problems) -> Vec<Output> {
    let mut outputs = Vec::new();
    for given in &plan.outputs {
        let Some(output) = problems.read(given, output) else {
            continue;
        };
        if outputs
            .iter()
            .any(|known: &Output| known.path() == output.path())
        {
            let fault = Fault::new(
                "writes to the same file as another output",
                "give each its own file",
            );
            problems.add(&given.field, &given.value, fault);
        }
        outputs.push(output);
    }
    outputs
}

fn output(text: &str) -> Result<Output, Fault> {
    let (kind, path) = text.split_once('=').unwrap_or((text, ""));
    let path = PathBuf::from(path);
    let output = match kind {
        "json" => Output::Json(path),
        "csv" => Output::Csv(path),
        "stream-csv" => Output::StreamCsv(path),
        _ => {
            return Err(Fault::new(
                format!("there is no output {kind:?}"),
                format!(
                    "use one of {}, as in json=samples.json",
                    OUTPUT_KINDS.join(", ")
                ),
            ));
        }
    };
    if output.path().as_os_str().is_empty() {
        return Err(Fault::new("names no file", format!("write {kind}=FILE")));
    }
    Ok(output)
}
