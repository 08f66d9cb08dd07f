//! All data files of a run, read before it starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lt_spec::limits::{
    ASSET_BYTES_MAX, COORDINATION_NAME_BYTES_MAX, DATA_FILES_MAX, FEEDER_BYTES_MAX,
};
use lt_spec::spec::FeederSpec;

use crate::problem::Faults;
use crate::records::Records;
use crate::{DataProblem, Feeder, Order, csv_file, file, json_file};

/// A file that users read as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// What scenarios call it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// A file of records: `.csv` with a header, or `.json`, `.jsonl`, `.ndjson` with an array of objects or one object a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeederFile {
    /// What scenarios call it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// In which order its records are handed out; `None` leaves it to the scenario.
    pub order: Option<Order>,
}

impl From<&FeederSpec> for FeederFile {
    fn from(spec: &FeederSpec) -> Self {
        Self {
            name: spec.name.clone(),
            path: spec.path.clone(),
            order: spec.order.map(Order::from),
        }
    }
}

/// The assets and feeders of one run: read once, in memory until the run ends, shared by all its users.
#[derive(Debug, Default)]
pub struct DataSet {
    assets: BTreeMap<String, Bytes>,
    feeders: BTreeMap<String, Feeder>,
}

impl DataSet {
    /// Read all files.
    ///
    /// # Errors
    /// Every fault of every file, and of the names: a run does not start with any.
    pub fn load(assets: &[DataFile], feeders: &[FeederFile]) -> Result<Self, Vec<DataProblem>> {
        let mut set = Self::default();
        let mut problems = check_number(assets, feeders);
        if !problems.is_empty() {
            return Err(problems);
        }
        for asset in assets {
            let mut faults = Faults::of(&asset.name, &asset.path);
            check_name("asset", set.assets.contains_key(&asset.name), &mut faults);
            if let Some(bytes) = file::read(&asset.path, ASSET_BYTES_MAX, &mut faults) {
                set.assets.insert(asset.name.clone(), bytes.into());
            }
            problems.extend(faults.finish());
        }
        for feeder in feeders {
            let mut faults = Faults::of(&feeder.name, &feeder.path);
            check_name(
                "feeder",
                set.feeders.contains_key(&feeder.name),
                &mut faults,
            );
            if let Some(records) = read_records(&feeder.path, &mut faults) {
                let read = Feeder::new(feeder, records);
                set.feeders.insert(feeder.name.clone(), read);
            }
            problems.extend(faults.finish());
        }
        if problems.is_empty() {
            Ok(set)
        } else {
            Err(problems)
        }
    }

    /// The bytes of an asset, not copied.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<Bytes> {
        self.assets.get(name).cloned()
    }

    /// A feeder.
    #[must_use]
    pub fn feeder(&self, name: &str) -> Option<&Feeder> {
        self.feeders.get(name)
    }

    /// Names of the assets, sorted.
    pub fn asset_names(&self) -> impl Iterator<Item = &str> {
        self.assets.keys().map(String::as_str)
    }

    /// Names of the feeders, sorted.
    pub fn feeder_names(&self) -> impl Iterator<Item = &str> {
        self.feeders.keys().map(String::as_str)
    }
}

fn check_number(assets: &[DataFile], feeders: &[FeederFile]) -> Vec<DataProblem> {
    let files = assets
        .iter()
        .map(|asset| (&asset.name, &asset.path))
        .chain(feeders.iter().map(|feeder| (&feeder.name, &feeder.path)));
    let Some((name, path)) = files.clone().nth(DATA_FILES_MAX) else {
        return Vec::new();
    };
    let mut faults = Faults::of(name, path);
    faults.file(
        format!(
            "the run names {} data files, and this is the first of those beyond {DATA_FILES_MAX}",
            files.count()
        ),
        "put what belongs together into one file",
    );
    faults.finish()
}

fn check_name(kind: &str, taken: bool, faults: &mut Faults<'_>) {
    let name = faults.name();
    if name.is_empty() {
        faults.file(
            format!("the {kind} has no name"),
            format!("write --{kind} NAME=FILE"),
        );
    } else if name.len() > COORDINATION_NAME_BYTES_MAX {
        faults.file(
            format!("the {kind}'s name is longer than {COORDINATION_NAME_BYTES_MAX} bytes"),
            "give it a shorter one",
        );
    } else if taken {
        faults.file(
            format!("there is another {kind} with the name {name:?}"),
            "give each a name of its own",
        );
    }
}

/// The records of a feeder's file; `None` once its faults are told.
fn read_records(path: &Path, faults: &mut Faults<'_>) -> Option<Records> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let read: fn(&str, &mut Faults<'_>) -> Option<Records> =
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => csv_file::read,
            Some("json" | "jsonl" | "ndjson") => json_file::read,
            _ => {
                faults.file(
                    "its name does not tell its format",
                    "let it end in .csv, .json, .jsonl or .ndjson",
                );
                return None;
            }
        };
    let bytes = file::read(path, FEEDER_BYTES_MAX, faults)?;
    let mut records = read(file::text(&bytes, faults)?, faults);
    if faults.is_empty() && records.as_ref().is_none_or(|records| records.len() == 0) {
        let (message, remedy) = match records {
            Some(_) => ("it has no records, only a header", "add a row"),
            None => ("it is empty: it has no records", "fill it"),
        };
        faults.file(message, remedy);
    }
    if let Some(records) = &mut records {
        records.shrink();
    }
    records.filter(|_| faults.is_empty())
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
