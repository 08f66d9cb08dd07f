//! Beginning a run: from what was sent to a run that is accepted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use lt_data::{DataProblem, DataSet, LocalShared};
use lt_metrics::Registry;
use lt_report::{JournalWriter, SampleWriter, SamplesCsv, SamplesJson, StreamCsv};
use lt_run::RunPlan;
use lt_run::inputs::{check_network, read_data};
use lt_run::load_text::load_line;
use lt_run::record::Record;
use lt_run::show::setting_value;
use lt_runtime::Scenario;
use lt_spec::description::Description;
use lt_spec::limits::RUN_FILE_BYTES_MAX;
use lt_spec::spec::{DataSpec, Output, RunSpec, ScenarioSpec};
use lt_spec::{Machine, Problem, RawFile, RawRun, RunAbout, Uploads};
use sha2::{Digest, Sha256};

use super::entry::{Entry, Kept};
use super::life::{self, Ready};
use super::model::{Run, RunPart};
use super::results::blocking;
use super::toml_of_json::toml_of_json;
use super::{time, versions};
use crate::app::AppState;
use crate::body::Incoming;
use crate::error::{ApiError, ApiResult, Code};
use crate::files::Files;
use crate::json::{media_type, unsupported};
use crate::scenarios::Loaded;

/// Begin a run
///
/// The body is a run spec: JSON with the keys of a run file, or a run file itself (`application/toml`). The answer comes once the
/// run is accepted; then it starts.
#[utoipa::path(
    post,
    path = "/v1/runs",
    operation_id = "create_run",
    tag = "runs",
    request_body(
        content(
            (serde_json::Value = "application/json", example = json!({"scenario": "chat", "users": 10, "duration": "30s"})),
            (String = "application/toml", example = "scenario = \"chat\"\nusers = 10\nduration = \"30s\"\n"),
        ),
        description = "A run spec"
    ),
    responses(
        (status = 200, description = "The run that was begun with this id and this spec before", body = Run),
        (status = 201, description = "Accepted", body = Run, headers(("Location" = String, description = "The run"))),
        (status = 409, description = "Another run has this id", body = crate::error::ErrorBody),
        (status = 422, description = "Something of the spec is wrong", body = crate::error::ErrorBody),
    )
)]
pub(crate) async fn create(State(app): State<AppState>, request: Request) -> ApiResult<Response> {
    let is_json = is_json(request.headers())?;
    let body = Incoming::new(request.into_body(), RUN_FILE_BYTES_MAX, "the run spec");
    let body = body.all().await?;
    let text = if is_json {
        toml_of_json(&body).map_err(|fault| match fault {
            Ok(problems) => ApiError::invalid(problems),
            Err(reason) => ApiError::malformed(format!("the run spec is no JSON: {reason}")),
        })?
    } else {
        let text = std::str::from_utf8(&body);
        let text = text.map_err(|_| ApiError::malformed("the run spec is not UTF-8 text"))?;
        text.to_owned()
    };
    let file = {
        // By name: where the bytes lie is looked up when they are read.
        let locate = |name: &str| app.files.path(name).is_ok().then(|| PathBuf::from(name));
        RawFile::parse_served(&text, Uploads { locate: &locate })?
    };
    let digest = hex(&Sha256::digest(text.as_bytes()));
    let about = file.about().clone();
    if let Some(known) = about.id.as_deref().and_then(|id| app.runs.find(id).ok()) {
        return repeated(&known, &digest);
    }
    let (loaded, unknown) = load_all(&app, &file).await?;
    let machine = Machine {
        // Whether the users fit is told as a limit of the host.
        memory_available_bytes: None,
        ..lt_run::machine::of_run(app.config.random)
    };
    let spec = resolve(&app, &file, &loaded, (&machine, unknown))?;
    let entry = begin(&app, spec, loaded, (about, digest)).await?;
    let location = HeaderValue::from_str(&format!("/v1/runs/{}", entry.id));
    let mut response = super::answer(StatusCode::CREATED, &entry);
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn is_json(headers: &HeaderMap) -> ApiResult<bool> {
    match media_type(headers).as_deref() {
        Some("application/json") => Ok(true),
        Some("application/toml") => Ok(false),
        _ => Err(unsupported("application/json or application/toml")),
    }
}

/// A run of this id is there: the same again is answered, another is refused.
fn repeated(known: &Arc<Entry>, digest: &str) -> ApiResult<Response> {
    let same = known.data().kept.spec_digest == digest;
    if same {
        return Ok(super::answer(StatusCode::OK, known));
    }
    Err(
        ApiError::conflict(format!("the id {:?} is that of another run", known.id))
            .remedy("choose another id, or none"),
    )
}

/// The stored scenarios by their names in the run, and what is wrong with the others.
async fn load_all(
    app: &AppState,
    file: &RawFile,
) -> ApiResult<(BTreeMap<String, Loaded>, Vec<Problem>)> {
    let mut loaded = BTreeMap::new();
    let mut problems = Vec::new();
    for scenario in file.scenarios() {
        match app.scenarios.load(scenario.stored, scenario.digest).await {
            Ok(found) => {
                loaded.insert(scenario.name.to_owned(), found);
            }
            Err(error) if matches!(error.code(), Code::NotFound | Code::Invalid) => {
                let (key, value) = match scenario.digest {
                    Some(digest) => ("digest", digest),
                    None => ("scenario", scenario.stored),
                };
                let remedy = "`GET /v1/scenarios` lists what is stored; upload it with PUT /v1/scenarios/NAME";
                let problem = Problem::new(scenario.field(key), value, error.to_string(), remedy);
                problems.push(problem);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((loaded, problems))
}

fn resolve(
    app: &AppState,
    file: &RawFile,
    loaded: &BTreeMap<String, Loaded>,
    (machine, mut problems): (&Machine, Vec<Problem>),
) -> ApiResult<RunSpec> {
    let descriptions: BTreeMap<String, Description> = loaded
        .iter()
        .map(|(name, loaded)| (name.clone(), loaded.scenario.description().clone()))
        .collect();
    // What is not stored is told already, and better than as a component that was not read.
    let untold: Vec<String> = file
        .scenarios()
        .filter(|scenario| !loaded.contains_key(scenario.name))
        .map(|scenario| scenario.field("file"))
        .collect();
    match lt_spec::resolve_file(&RawRun::default(), file, &descriptions, machine) {
        Ok(spec) if problems.is_empty() => {
            let most = app.config.limits.user_memory_bytes;
            if spec.user_limits.memory_bytes > most {
                let message =
                    format!("is more than the {most} bytes that a user of this host may have");
                let remedy = "leave it out, or start the host with a larger --memory-limit";
                let given = spec.user_limits.memory_bytes.to_string();
                return Err(ApiError::invalid_field(
                    "memory-limit",
                    given,
                    message,
                    remedy,
                ));
            }
            Ok(spec)
        }
        Ok(_) => Err(problems.into()),
        Err(found) => {
            let found = found.into_iter();
            problems.extend(found.filter(|problem| !untold.contains(&problem.field)));
            Err(problems.into())
        }
    }
}

/// Everything that is read and opened for a run.
struct Opened {
    registry: Arc<Registry>,
    data: (DataSet, Arc<LocalShared>),
    writers: Vec<Box<dyn SampleWriter + Send>>,
    journals: Vec<Box<dyn JournalWriter + Send>>,
    record: Record,
}

/// Take what it needs of the host, make its directory, and start it.
async fn begin(
    app: &AppState,
    mut spec: RunSpec,
    mut loaded: BTreeMap<String, Loaded>,
    (about, spec_digest): (RunAbout, String),
) -> ApiResult<Arc<Entry>> {
    let runs = &app.runs;
    let place = runs.claim(about.id.as_deref(), spec.users_max())?;
    spec.id.clone_from(&place.id);
    spec.node.clone_from(&app.config.node);
    let dir = runs.dir_of(&place.id);
    let parts: Vec<Loaded> = spec
        .scenarios
        .iter()
        .filter_map(|scenario| loaded.remove(&scenario.name))
        .collect();
    let created_unix_ns = runs.now();
    let kept = Kept {
        run: first(&spec, &parts, &about, (&place.id, created_unix_ns)),
        created_unix_ns,
        spec_digest,
        annotations: Vec::new(),
    };
    let scenarios: Vec<Scenario> = parts.iter().map(|part| (*part.scenario).clone()).collect();
    let (opened, spec) = {
        let (dir, scenarios, files) = (dir.clone(), scenarios.clone(), app.files.clone());
        blocking(move || {
            let mut opened = make_dir(&dir)
                .and_then(|()| open(&mut spec, &scenarios, &files, (&dir, created_unix_ns)));
            if opened.is_err() {
                // Half a run is none: nothing of it is left.
                let _gone = std::fs::remove_dir_all(&dir);
            }
            opened = opened.and_then(|opened| forget_links(&dir).map(|()| opened));
            opened.map(|opened| (opened, spec))
        })
        .await??
    };
    let entry = Arc::new(Entry::new(dir, kept, &spec));
    let plan = RunPlan {
        spec,
        scenarios,
        registry: opened.registry,
        writers: opened.writers,
        journals: opened.journals,
        data: opened.data.0,
        shared: opened.data.1,
        probe: Box::new(lt_run::machine::generator_load),
        tracer: None,
        targets: Some(app.config.allow_targets.clone()),
    };
    if let Err(error) = runs.keeper().saved(&entry).await {
        return Err(ApiError::internal(format_args!("run.json: {error}")));
    }
    place.take(entry.clone());
    let ready = Ready {
        entry: entry.clone(),
        plan,
        record: opened.record,
    };
    if let Err(error) = life::start(runs, ready) {
        life::not_started(runs, &entry).await;
        return Err(ApiError::internal(format_args!(
            "no thread for a run: {error}"
        )));
    }
    Ok(entry)
}

/// What is said of a run before it starts.
fn first(
    spec: &RunSpec,
    parts: &[Loaded],
    about: &RunAbout,
    (id, created_unix_ns): (&str, i64),
) -> Run {
    let sources = spec.thresholds.iter().map(lt_metrics::Threshold::source);
    let parts = spec.scenarios.iter().zip(parts);
    Run {
        id: id.to_owned(),
        name: about.name.clone(),
        comment: about.comment.clone(),
        revision: 1,
        created_at: time::rfc3339(created_unix_ns),
        seed: spec.seed,
        parts: parts
            .map(|(part, loaded)| first_part(part, loaded))
            .collect(),
        thresholds: sources.map(str::to_owned).collect(),
        tags: spec.tags.clone(),
        ..Run::default()
    }
}

fn first_part(spec: &ScenarioSpec, loaded: &Loaded) -> RunPart {
    let settings = spec.settings.iter();
    let settings = settings.map(|(name, value)| {
        let value = setting_value(spec, name, value);
        (name.clone(), value.to_owned())
    });
    RunPart {
        name: spec.name.clone(),
        scenario: loaded.name.clone(),
        executor: spec.load.name().to_owned(),
        load: load_line(spec),
        users_planned: spec.load.users_max(),
        settings: settings.collect(),
        versions: vec![versions::first(loaded)],
        ..RunPart::default()
    }
}

/// Make the directory of a run. Two runs of one id cannot come this far: one that is there is somebody else's.
fn make_dir(dir: &FilePath) -> ApiResult<()> {
    std::fs::create_dir(dir)
        .map_err(|error| ApiError::internal(format_args!("{}: {error}", dir.display())))
}

/// Read its data and open its files.
fn open(
    spec: &mut RunSpec,
    scenarios: &[Scenario],
    files: &Files,
    (dir, now_unix_ns): (&FilePath, i64),
) -> ApiResult<Opened> {
    let failed =
        |error: std::io::Error| ApiError::internal(format_args!("{}: {error}", dir.display()));
    let described: Vec<(&str, &Description)> = spec
        .scenarios
        .iter()
        .map(|scenario| scenario.name.as_str())
        .zip(scenarios.iter().map(Scenario::description))
        .collect();
    let registry = Arc::new(lt_spec::registry_of(&described)?);
    let mut problems: Vec<Problem> = check_network(&spec.http).err().unwrap_or_default();
    for problem in &mut problems {
        problem.field = problem.field.replacen("--", "http.", 1);
    }
    link_uploads(&mut spec.data, files, dir)?;
    let data = match read_data(&spec.data, &described) {
        Ok(data) if problems.is_empty() => data,
        Ok(_) => return Err(problems.into()),
        Err(faults) => {
            problems.extend(faults.into_iter().map(|fault| of_data(spec, fault)));
            return Err(problems.into());
        }
    };
    for output in &mut spec.outputs {
        *output = output_in(dir, output);
    }
    let (writers, journals) = outputs(spec).map_err(failed)?;
    let record = Record::create_in(dir, now_unix_ns).map_err(failed)?;
    Ok(Opened {
        registry,
        data,
        writers,
        journals,
        record,
    })
}

/// Where the uploads of a run are found by their own names while they are read: the name tells the format.
fn links(dir: &FilePath) -> PathBuf {
    dir.join(".uploads")
}

fn link_uploads(data: &mut DataSpec, files: &Files, dir: &FilePath) -> ApiResult<()> {
    let links = links(dir);
    let failed =
        |error: std::io::Error| ApiError::internal(format_args!("{}: {error}", links.display()));
    std::fs::create_dir(&links).map_err(failed)?;
    let assets = data.assets.iter_mut().map(|(_, path)| path);
    let feeders = data.feeders.iter_mut().map(|feeder| &mut feeder.path);
    for path in assets.chain(feeders) {
        let name = path.to_string_lossy().into_owned();
        let link = links.join(&name);
        let target = std::path::absolute(files.path(&name)?).map_err(failed)?;
        match std::os::unix::fs::symlink(target, &link) {
            // Two names of one run may mean one file.
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => *path = link,
        }
    }
    Ok(())
}

fn forget_links(dir: &FilePath) -> ApiResult<()> {
    let links = links(dir);
    std::fs::remove_dir_all(&links)
        .map_err(|error| ApiError::internal(format_args!("{}: {error}", links.display())))
}

/// A fault of an uploaded file, without where this host keeps it.
fn of_data(spec: &RunSpec, fault: DataProblem) -> Problem {
    let is_asset = spec.data.assets.iter().any(|(name, _)| *name == fault.name);
    let table = if is_asset { "assets" } else { "feeders" };
    let message = match fault.line {
        Some(line) => format!("line {line}: {}", fault.message),
        None => fault.message,
    };
    Problem::new(format!("{table}.{}", fault.name), "", message, fault.remedy)
}

fn output_in(dir: &FilePath, output: &Output) -> Output {
    let path = dir.join(output.path());
    match output {
        Output::Json(_) => Output::Json(path),
        Output::Csv(_) => Output::Csv(path),
        Output::StreamCsv(_) => Output::StreamCsv(path),
    }
}

type Writers = (
    Vec<Box<dyn SampleWriter + Send>>,
    Vec<Box<dyn JournalWriter + Send>>,
);

fn outputs(spec: &RunSpec) -> std::io::Result<Writers> {
    let (mut writers, mut journals): Writers = Default::default();
    for output in &spec.outputs {
        let file = BufWriter::new(File::create(output.path())?);
        match output {
            Output::Json(_) => writers.push(Box::new(SamplesJson::new(file, &spec.thresholds))),
            Output::Csv(_) => writers.push(Box::new(SamplesCsv::new(file)?)),
            Output::StreamCsv(_) => journals.push(Box::new(StreamCsv::new(file, &spec.node))),
        }
    }
    Ok((writers, journals))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
