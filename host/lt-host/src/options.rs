//! The options that say what a run does: shared by `run` and `validate`. Values stay texts here; `lt-spec` checks them all
//! and reports every problem at once.

// Groups of options have plain comments: clap would take a doc comment for the help of the command they are part of.

mod http;
mod input;
mod load;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use lt_spec::{Problem, RawRun};

pub(crate) use self::http::read_pem;
pub(crate) use self::report::{ReportOptions, SummaryOptions};

use self::http::HttpOptions;
use self::input::{DataOptions, InputOptions};
use self::load::{LoadOptions, UserOptions};
use crate::files::NamedFile;
use crate::process::Process;

/// What the names of variables for settings begin with.
const SETTING_PREFIX: &str = "LT_SET_";

// All options of a run.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOptions {
    /// The scenario: a WebAssembly component, as `cargo component build --release` makes it.
    #[arg(value_name = "SCENARIO.wasm")]
    pub(crate) scenario: Option<PathBuf>,
    /// A run file (TOML) instead: scenarios, load, settings, thresholds, everything that can be typed. Options given beside it
    /// go before what it says.
    #[arg(long, value_name = "FILE", env = "LT_SPEC")]
    pub(crate) spec: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) users: UserOptions,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    #[command(flatten)]
    pub(crate) data: DataOptions,
    #[command(flatten)]
    pub(crate) http: HttpOptions,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOptions,
    /// Flags whose values came from variables, with those.
    #[arg(skip)]
    pub(crate) variables: BTreeMap<String, String>,
}

/// Where a run is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A scenario, and options.
    Scenario(&'a Path),
    /// A run file, and options over it.
    RunFile(&'a Path),
}

// What one user may use, and how the scenario is compiled.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct SandboxOptions {
    /// Most memory of one user, from 64KiB to 4GiB. 16MiB unless given.
    #[arg(long, value_name = "SIZE", env = "LT_MEMORY_LIMIT")]
    pub(crate) memory_limit: Option<String>,
    /// Longest a user may compute without waiting for anything, from 20ms to 1h; then it is ended and begins anew. 1s unless given.
    #[arg(long, value_name = "TIME", env = "LT_CPU_LIMIT")]
    pub(crate) cpu_limit: Option<String>,
    /// Where compiled scenarios are kept, so that the next start is fast. $XDG_CACHE_HOME/lt-host, else
    /// ~/.cache/lt-host, unless given.
    #[arg(long, value_name = "DIR", env = "LT_COMPILE_CACHE")]
    pub(crate) compile_cache: Option<PathBuf>,
    /// Compile the scenario anew, and keep nothing.
    #[arg(long, env = "LT_NO_COMPILE_CACHE", conflicts_with = "compile_cache", value_parser = BoolishValueParser::new())]
    pub(crate) no_compile_cache: bool,
    /// For a scenario of someone you do not trust: keep the compiler's defence against speculative reads out of bounds.
    /// Code that works much in memory takes up to twice the CPU.
    #[arg(long, env = "LT_HARDENED", value_parser = BoolishValueParser::new())]
    pub(crate) hardened: bool,
}

impl RunOptions {
    /// Take in what was typed and what came from variables. A scenario that was typed goes before the run file of a variable.
    pub(crate) fn learn(&mut self, command: &Command, matches: &ArgMatches) {
        let from_variable = command.get_arguments().filter(|argument| {
            let id = argument.get_id().as_str();
            matches.value_source(id) == Some(ValueSource::EnvVariable)
        });
        self.variables = from_variable
            .filter_map(|argument| {
                let flag = format!("--{}", argument.get_long()?);
                Some((flag, argument.get_env()?.to_str()?.to_owned()))
            })
            .collect();
        if self.scenario.is_some() && self.variables.contains_key("--spec") {
            self.spec = None;
        }
    }

    /// The PEM files that flags name.
    pub(crate) fn pem_files(&self) -> impl Iterator<Item = NamedFile> {
        self.http
            .pem_files()
            .into_iter()
            .filter_map(|(field, path)| Some(NamedFile::new(field, path?)))
    }

    /// Where the run is described.
    ///
    /// # Errors
    /// If that is nowhere, or in two places.
    pub(crate) fn source(&self) -> Result<Source<'_>, Problem> {
        match (self.scenario.as_deref(), self.spec.as_deref()) {
            (Some(scenario), None) => Ok(Source::Scenario(scenario)),
            (None, Some(spec)) => Ok(Source::RunFile(spec)),
            (Some(scenario), Some(_)) => Err(Problem::new(
                "SCENARIO.wasm",
                scenario.display().to_string(),
                "is given beside --spec, whose file names the scenarios",
                "leave one of the two out",
            )),
            (None, None) => Err(Problem::new(
                "SCENARIO.wasm",
                "",
                "is missing, and so is --spec",
                "give the scenario's .wasm file, or a run file: --spec run.toml",
            )),
        }
    }

    /// As `lt-spec` takes it, with the files and variables that belong to it, and the files that cannot be read: they are
    /// there, but empty.
    pub(crate) fn raw(&self, process: &Process) -> (RawRun, Vec<Problem>) {
        let (http, problems) = self.http.raw();
        let (load, users) = (self.load.clone(), self.users.clone());
        let (input, data) = (self.input.clone(), self.data.clone());
        let settings_from_variables: BTreeMap<String, String> = process
            .variables
            .iter()
            .filter_map(|(name, value)| {
                Some((name.strip_prefix(SETTING_PREFIX)?.to_owned(), value.clone()))
            })
            .collect();
        let raw = RawRun {
            users: users.users,
            user_range: users.user_range,
            duration: load.duration,
            iterations: load.iterations,
            executor: load.executor,
            stages: load.stages,
            staircase: load.staircase,
            spike: load.spike,
            rate: load.rate,
            start_rate: load.start_rate,
            spacing: load.spacing,
            max_users: load.max_users,
            start_users: load.start_users,
            max_duration: load.max_duration,
            graceful_ramp_down: load.graceful_ramp_down,
            repeat_num: load.repeat_num,
            profile: load.profile,
            percent_new: users.percent_new,
            existing_offset: users.existing_offset,
            roles: users.roles,
            on_user_failure: users.on_user_failure,
            steady: input.steady,
            deadline: input.deadline,
            no_terminate: input.no_terminate,
            once: load.once,
            assets: data.assets,
            feeders: data.feeders,
            state_file: data.state_file,
            delivery_timeout: data.delivery_timeout,
            interarrival: users.interarrival,
            repeat_interval: load.repeat_interval,
            graceful_stop: load.graceful_stop,
            seed: load.seed,
            cores: load.cores,
            settings: input.settings,
            settings_from_variables,
            thresholds: input.thresholds,
            tags: input.tags,
            outputs: input.outputs,
            memory_limit: self.sandbox.memory_limit.clone(),
            cpu_limit: self.sandbox.cpu_limit.clone(),
            http,
        };
        (raw, problems)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        options: RunOptions,
    }

    fn typed(arguments: &[&str]) -> RunOptions {
        let program = std::iter::once("lt-host");
        Typed::parse_from(program.chain(arguments.iter().copied())).options
    }

    #[test]
    fn a_run_is_described_in_one_place() {
        let one = typed(&["a.wasm"]);
        assert_eq!(one.source().unwrap(), Source::Scenario(Path::new("a.wasm")));
        let file = typed(&["--spec", "run.toml"]);
        assert_eq!(
            file.source().unwrap(),
            Source::RunFile(Path::new("run.toml"))
        );
        let both = typed(&["a.wasm", "--spec", "run.toml"])
            .source()
            .unwrap_err();
        assert!(both.to_string().contains("beside --spec"), "{both}");
        let none = typed(&[]).source().unwrap_err();
        assert!(none.to_string().contains("--spec run.toml"), "{none}");
    }

    #[test]
    fn what_is_typed_arrives() {
        let (mut process, _) = crate::process::testing::fake(&[]);
        process
            .variables
            .insert("LT_SET_PAUSE".to_owned(), "2s".to_owned());
        let options = typed(&[
            "a.wasm",
            "--stage",
            "30s:100",
            "--stage",
            "10s:0",
            "--rate",
            "5/s",
            "--role",
            "a=1",
            "--feeder",
            "f=x.csv:unique",
            "--once",
            "--steady",
            "1m",
            "--vus",
            "3",
        ]);
        let (raw, problems) = options.raw(&process);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(raw.stages, ["30s:100", "10s:0"]);
        assert_eq!(raw.rate.as_deref(), Some("5/s"));
        assert_eq!(raw.users.as_deref(), Some("3"));
        assert_eq!(raw.steady.as_deref(), Some("1m"));
        assert_eq!((raw.roles.len(), raw.feeders.len()), (1, 1));
        assert!(raw.once && !raw.no_terminate);
        assert_eq!(raw.settings_from_variables["PAUSE"], "2s");
    }
}
