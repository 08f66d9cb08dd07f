//! Files that users read. Whether they exist, and what is in them, is seen by who reads them.

use std::path::PathBuf;

use super::{Problems, nearest};
use crate::description::{DataDeclaration, DataKind};
use crate::given::Given;
use crate::limits::{COORDINATION_NAME_BYTES_MAX, DATA_FILES_MAX, DELIVERY_TIMEOUT};
use crate::parse::{self, Fault};
use crate::plan::Plan;
use crate::resolve::settings::Described;
use crate::spec::{DataSpec, FeederOrder, FeederSpec};

/// Orders of records, as typed.
const ORDERS: [(&str, FeederOrder); 5] = [
    ("sequential", FeederOrder::Sequential),
    ("circular", FeederOrder::Circular),
    ("random", FeederOrder::Random),
    ("unique", FeederOrder::Unique),
    ("disjoint", FeederOrder::Disjoint),
];

/// Names and files, and whether what the scenarios require is there.
pub(super) fn data(
    plan: &Plan,
    scenarios: Option<&[Described<'_>]>,
    problems: &mut Problems,
) -> DataSpec {
    let count = plan.assets.len() + plan.feeders.len();
    if count > DATA_FILES_MAX {
        let fault = Fault::new(
            format!("{count} files are more than the {DATA_FILES_MAX} a run may have"),
            "give fewer",
        );
        problems.add(&plan.field("assets"), "", fault);
        return DataSpec::default();
    }
    let assets = files(&plan.assets, problems);
    let feeders = files(&plan.feeders, problems);
    let feeders: Vec<FeederSpec> = feeders
        .into_iter()
        .filter_map(|(given, name, file)| {
            let (path, order) = problems.read(&given, |_| feeder(&file))?;
            Some(FeederSpec { name, path, order })
        })
        .collect();
    let assets: Vec<(String, PathBuf)> = assets
        .into_iter()
        .map(|(_, name, file)| (name, PathBuf::from(file)))
        .collect();
    let timeout = plan.run.get("delivery-timeout");
    let timeout = timeout.and_then(|given| problems.read(given, parse::positive_duration));
    let state_file = plan.run.get("state-file").and_then(|given| {
        problems.read(given, |text| match text {
            "" => Err(Fault::new("is empty", "name a file")),
            text => Ok(PathBuf::from(text)),
        })
    });
    for (scenario, description) in scenarios.unwrap_or_default() {
        for declared in description.data.iter().filter(|declared| declared.required) {
            if let Some(fault) = missing(declared, &assets, &feeders) {
                let fault = Fault::new(
                    format!("the scenario {} needs {}", scenario.name, fault.message),
                    fault.remedy,
                );
                problems.add(&plan.field(option(&declared.kind)), "", fault);
            }
        }
    }
    DataSpec {
        assets,
        feeders,
        state_file,
        delivery_timeout: timeout.unwrap_or(DELIVERY_TIMEOUT),
    }
}

/// Each `NAME=FILE` with its parts; faults of names are told.
fn files(all: &[Given], problems: &mut Problems) -> Vec<(Given, String, String)> {
    let mut files: Vec<(Given, String, String)> = Vec::new();
    for given in all {
        let read = problems.read(given, |text| {
            let (name, file) =
                parse::pair(text).map_err(|fault| Fault::new(fault.message, "write NAME=FILE"))?;
            if !parse::is_kebab(name) || name.len() > COORDINATION_NAME_BYTES_MAX {
                return Err(Fault::new(
                    format!("{name:?} is no name for a file of a run"),
                    "use small letters, digits and '-', beginning with a letter",
                ));
            }
            if file.trim().is_empty() {
                return Err(Fault::new("names no file", format!("write {name}=FILE")));
            }
            if files.iter().any(|(_, known, _)| known == name) {
                return Err(Fault::new(
                    format!("the name {name} is given twice"),
                    "give each file a name of its own",
                ));
            }
            Ok((name.to_owned(), file.trim().to_owned()))
        });
        if let Some((name, file)) = read {
            files.push((given.clone(), name, file));
        }
    }
    files
}

/// `FILE[:ORDER]`. What follows the last colon is an order if it could not be the end of a file's name.
fn feeder(text: &str) -> Result<(PathBuf, Option<FeederOrder>), Fault> {
    let whole = (PathBuf::from(text), None);
    let Some((file, order)) = text.rsplit_once(':') else {
        return Ok(whole);
    };
    if order.is_empty()
        || !order
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '-')
    {
        return Ok(whole);
    }
    match ORDERS.iter().find(|(name, _)| *name == order) {
        Some((_, order)) => Ok((PathBuf::from(file), Some(*order))),
        None => {
            let names = ORDERS.map(|(name, _)| name);
            let remedy = match nearest(order, names) {
                Some(similar) => format!("did you mean {similar}?"),
                None => format!("use one of {}", names.join(", ")),
            };
            Err(Fault::new(format!("there is no order {order:?}"), remedy))
        }
    }
}

fn option(kind: &DataKind) -> &'static str {
    match kind {
        DataKind::Asset => "asset",
        DataKind::Feeder(_) => "feeder",
    }
}

fn missing(
    declared: &DataDeclaration,
    assets: &[(String, PathBuf)],
    feeders: &[FeederSpec],
) -> Option<Fault> {
    let assets: Vec<&str> = assets.iter().map(|(name, _)| name.as_str()).collect();
    let feeders: Vec<&str> = feeders.iter().map(|feeder| feeder.name.as_str()).collect();
    let (own, other) = match declared.kind {
        DataKind::Asset => (assets, feeders),
        DataKind::Feeder(_) => (feeders, assets),
    };
    let name = declared.name.as_str();
    if own.contains(&name) {
        return None;
    }
    let option = option(&declared.kind);
    let remedy = if other.contains(&name) {
        format!("it was given as the other kind of file: give --{option} {name}=FILE")
    } else {
        match nearest(name, own.iter().copied()) {
            Some(similar) => format!("is {similar} meant for it? Give --{option} {name}=FILE"),
            None => format!("give --{option} {name}=FILE"),
        }
    };
    Some(Fault::new(
        format!("the {option} {name}: {}", declared.doc),
        remedy,
    ))
}
