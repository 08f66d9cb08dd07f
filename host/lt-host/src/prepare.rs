//! Everything that can be checked before a run starts, in one place: run file, scenarios, options, data files, network
//! settings. Nothing is written and nobody is spoken to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lt_data::{DataSet, LocalShared};
use lt_metrics::Registry;
use lt_run::inputs::check_network;
use lt_runtime::{Engine, Scenario};
use lt_spec::description::Description;
use lt_spec::limits::RUN_FILE_BYTES_MAX;
use lt_spec::spec::{DataSpec, RunSpec};
use lt_spec::{Machine, Problem, RawFile, RawRun};

use crate::error::CommandError;
use crate::files::{NamedFile, overwritten};
use crate::machine;
use crate::options::{ReportOptions, RunOptions, Source, read_pem};
use crate::process::Process;
use crate::scenario_file::{SCENARIO, engine, engine_options, load, read_bounded};

/// What problems of the flag for run files are told of.
const SPEC: &str = "--spec";

/// A run that can start.
pub(crate) struct Prepared {
    /// What to do.
    pub(crate) spec: RunSpec,
    /// What the users are: one for each scenario of the spec.
    pub(crate) scenarios: Vec<Scenario>,
    /// Their metrics.
    pub(crate) registry: Arc<Registry>,
    /// Files that they read.
    pub(crate) data: DataSet,
    /// Cursors and store.
    pub(crate) shared: Arc<LocalShared>,
    /// Whether the seed was given: else it is another in each run.
    pub(crate) seed_is_given: bool,
}

/// What runs, before the files of its users are looked at.
struct Resolved {
    spec: RunSpec,
    scenarios: Vec<Scenario>,
    /// Files that were read for it.
    reads: Vec<NamedFile>,
}

/// Check everything.
///
/// # Errors
/// Everything that is wrong, as far as it can be known: without a scenario, its settings cannot be checked.
pub(crate) fn prepare(
    options: &RunOptions,
    report: &ReportOptions,
    process: &Process,
) -> Result<Prepared, CommandError> {
    check_all(options, report, process).map_err(|error| error.naming(&options.variables))
}

fn check_all(
    options: &RunOptions,
    report: &ReportOptions,
    process: &Process,
) -> Result<Prepared, CommandError> {
    let source = options.source().map_err(|problem| vec![problem])?;
    let machine = machine::of_run(process);
    let (raw, mut told) = options.raw(process);
    told.extend(report.text_options(false).err().unwrap_or_default());
    let resolved = match source {
        Source::Scenario(path) => from_scenario(path, &raw, options, (process, &machine)),
        Source::RunFile(path) => from_run_file(path, &raw, options, (process, &machine)),
    };
    let Resolved {
        spec,
        scenarios,
        mut reads,
    } = match resolved {
        Ok(resolved) if told.is_empty() => resolved,
        Ok(_) => return Err(told.into()),
        Err(error) => {
            let fields: Vec<String> = told.iter().map(|problem| problem.field.clone()).collect();
            let untold = error.without(&fields);
            let told = (!told.is_empty()).then(|| told.into());
            return Err(CommandError::all(untold.into_iter().chain(told).collect()));
        }
    };
    reads.extend(options.pem_files());
    let described: Vec<(&str, &Description)> = spec
        .scenarios
        .iter()
        .map(|scenario| scenario.name.as_str())
        .zip(scenarios.iter().map(Scenario::description))
        .collect();
    let registry = Arc::new(lt_spec::registry_of(&described)?);
    let mut problems = check_network(&spec.http).err().unwrap_or_default();
    problems.extend(overwritten(&spec, reads, report.summary_export()));
    let read = read_data(&spec.data, &described);
    if !problems.is_empty() {
        let errors = std::iter::once(problems.into()).chain(read.err());
        return Err(CommandError::all(errors.collect()));
    }
    let (data, shared) = read?;
    Ok(Prepared {
        seed_is_given: spec.seed != machine.seed,
        spec,
        scenarios,
        registry,
        data,
        shared,
    })
}

/// One scenario, and options.
fn from_scenario(
    path: &Path,
    raw: &RawRun,
    options: &RunOptions,
    (process, machine): (&Process, &Machine),
) -> Result<Resolved, CommandError> {
    let memory = raw.memory_limit.as_deref();
    let engine = engine(&engine_options(raw, memory, &options.sandbox, process))?;
    let scenario = load(&engine, path, SCENARIO)?;
    Ok(Resolved {
        spec: lt_spec::resolve(raw, scenario.description(), machine)?,
        scenarios: vec![scenario],
        reads: vec![NamedFile::new(SCENARIO, path)],
    })
}

/// A run file, and every scenario it names, each component loaded once.
fn from_run_file(
    path: &Path,
    raw: &RawRun,
    options: &RunOptions,
    (process, machine): (&Process, &Machine),
) -> Result<Resolved, CommandError> {
    let (mut file, faults) = read_run_file(path)?;
    let memory = raw.memory_limit.as_deref().or(file.memory_limit());
    let mut flags = raw.clone();
    // The file says how many users there are.
    flags.users = None;
    flags.user_range = None;
    let engine = engine(&engine_options(&flags, memory, &options.sandbox, process))?;
    let (loaded, mut errors) = load_all(&engine, &file);
    // What could not be read is told already, and better.
    let unread: Vec<String> = file
        .scenarios()
        .filter(|scenario| !loaded.contains_key(scenario.name))
        .map(|scenario| file_field(scenario.place))
        .chain(faults.iter().map(|fault| fault.field.clone()))
        .collect();
    if !faults.is_empty() {
        errors.push(faults.into());
    }
    let descriptions: BTreeMap<String, Description> = loaded
        .iter()
        .map(|(name, scenario)| (name.clone(), scenario.description().clone()))
        .collect();
    let reads = files_of(path, &mut file);
    match lt_spec::resolve_file(raw, &file, &descriptions, machine) {
        Ok(spec) if errors.is_empty() => {
            let scenarios = spec
                .scenarios
                .iter()
                .filter_map(|scenario| loaded.get(&scenario.name).cloned())
                .collect();
            Ok(Resolved {
                spec,
                scenarios,
                reads,
            })
        }
        Ok(_) => Err(CommandError::all(errors)),
        Err(problems) => {
            errors.extend(CommandError::Input(problems).without(&unread));
            Err(CommandError::all(errors))
        }
    }
}

/// The files of a run file, itself included.
fn files_of(path: &Path, file: &mut RawFile) -> Vec<NamedFile> {
    let mut files = vec![NamedFile::new(SPEC, path)];
    files.extend(
        file.scenarios()
            .map(|scenario| NamedFile::new(&file_field(scenario.place), scenario.file)),
    );
    let pem = file.pem_files().iter();
    files.extend(pem.map(|pem| NamedFile::new(&pem.field, &pem.path)));
    files
}

/// A run file with the contents of its PEM files, and what is wrong with those.
fn read_run_file(path: &Path) -> Result<(RawFile, Vec<Problem>), CommandError> {
    let remedy = "give a run file (TOML)";
    let bytes = read_bounded(path, SPEC, RUN_FILE_BYTES_MAX, remedy).map_err(|it| vec![it])?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("is not UTF-8 text: byte {at} is not");
        CommandError::input(SPEC, path.display().to_string(), message, remedy)
    })?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut file = RawFile::parse(&text, &path.display().to_string(), directory)?;
    let mut problems = Vec::new();
    for pem in file.pem_files() {
        let read = read_pem(&pem.field, &pem.path).map_err(|problem| problems.push(problem));
        // One that cannot be read is given all the same: its partner does not lack it.
        pem.contents = Some(read.unwrap_or_default());
    }
    Ok((file, problems))
}

/// Where a run file names the component of the scenario that stands here.
fn file_field(place: &str) -> String {
    format!("{place}.file")
}

/// The scenarios of a run file by their names, and what is wrong with the others. Two scenarios of one file share its code.
fn load_all(engine: &Engine, file: &RawFile) -> (BTreeMap<String, Scenario>, Vec<CommandError>) {
    let mut by_path: BTreeMap<PathBuf, Option<Scenario>> = BTreeMap::new();
    let mut loaded = BTreeMap::new();
    let mut errors = Vec::new();
    for scenario in file.scenarios() {
        let known = by_path.entry(scenario.file.to_owned()).or_insert_with(|| {
            load(engine, scenario.file, &file_field(scenario.place))
                .map_err(|error| errors.push(error))
                .ok()
        });
        if let Some(found) = known {
            loaded.insert(scenario.name.to_owned(), found.clone());
        }
    }
    (loaded, errors)
}

/// Read the files of a run, and hold feeders against what the scenarios read.
fn read_data(
    spec: &DataSpec,
    scenarios: &[(&str, &Description)],
) -> Result<(DataSet, Arc<LocalShared>), CommandError> {
    lt_run::inputs::read_data(spec, scenarios).map_err(CommandError::Data)
}

#[cfg(test)]
mod tests {
    use lt_spec::description::DataKind;

    use super::*;
    use crate::process::testing::fake;

    #[test]
    fn a_foreign_address_is_refused_and_our_own_is_not() {
        let http = |address: &str| {
            let raw = RawRun {
                http: lt_spec::RawHttp {
                    local_addresses: Some(address.to_owned()),
                    ..lt_spec::RawHttp::default()
                },
                ..RawRun::default()
            };
            let (process, _) = fake(&[]);
            let description = lt_spec::description::Description::default();
            lt_spec::resolve(&raw, &description, &machine::of_run(&process))
                .unwrap()
                .http
        };
        assert!(check_network(&http("127.0.0.1")).is_ok());
        // Reserved for documentation (RFC 5737): no machine has it.
        let problems = check_network(&http("192.0.2.1")).unwrap_err();
        assert!(
            problems[0]
                .to_string()
                .starts_with("--local-ips \"192.0.2.1\""),
            "{problems:?}"
        );
    }

    /// A directory of this test's own, with these files; taken away with what holds it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(test: &str, files: &[(&str, &str)]) -> Self {
            let name = format!("lt-host-prepare-{test}-{}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&dir).unwrap();
            for (name, text) in files {
                std::fs::write(dir.join(name), text).unwrap();
            }
            Self(dir)
        }

        fn spec(&self, feeders: &[(&str, &str)], state: Option<&str>) -> DataSpec {
            DataSpec {
                feeders: feeders
                    .iter()
                    .map(|(name, file)| lt_spec::spec::FeederSpec {
                        name: (*name).to_owned(),
                        path: self.0.join(file),
                        order: None,
                    })
                    .collect(),
                state_file: state.map(|file| self.0.join(file)),
                ..DataSpec::default()
            }
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn reads(fields: &[&str]) -> Description {
        Description {
            data: vec![lt_spec::description::DataDeclaration {
                name: "people".to_owned(),
                doc: String::new(),
                kind: DataKind::Feeder(fields.iter().map(ToString::to_string).collect()),
                required: true,
            }],
            ..Description::default()
        }
    }

    #[test]
    fn every_fault_of_every_file_is_told_at_once() {
        let files = [
            ("people.csv", "name,age\nanna,5\n"),
            ("ragged.csv", "a,b\n1\n"),
            ("state.json", "no json"),
        ];
        let scratch = Scratch::new("faults", &files);
        let spec = scratch.spec(
            &[
                ("people", "people.csv"),
                ("ragged", "ragged.csv"),
                ("gone", "gone.csv"),
            ],
            Some("state.json"),
        );
        // A feeder's fields can only be known once all files could be read.
        let text = read_data(&spec, &[]).unwrap_err().to_string();
        for part in ["ragged.csv:2: ", "gone.csv: ", "state.json:1: "] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(
            text.lines().all(|line| line.starts_with("error: ")),
            "{text}"
        );
    }

    #[test]
    fn fields_that_scenarios_read_must_be_there_and_are_missed_once() {
        let scratch = Scratch::new("fields", &[("people.csv", "name,age\nanna,5\n")]);
        let spec = scratch.spec(&[("people", "people.csv")], None);
        let (has, lacks) = (reads(&["age"]), reads(&["name", "password"]));
        assert!(read_data(&spec, &[("chat", &has)]).is_ok());
        let described = [("chat", &lacks), ("more", &lacks)];
        let error = read_data(&spec, &described).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("people.csv: its records have no field \"password\""),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
    }
}
