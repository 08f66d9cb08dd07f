//! What is typed: the program's commands and the options that all of them take.

use clap::{
    ArgMatches, Args, ColorChoice, Command as ClapCommand, CommandFactory, Parser, Subcommand,
    ValueEnum,
};

use crate::commands::add::Add;
use crate::commands::annotate::Annotate;
use crate::commands::completions::Completions;
use crate::commands::describe::Describe;
use crate::commands::doctor::Doctor;
use crate::commands::logs::Logs;
use crate::commands::man::Man;
use crate::commands::new::New;
use crate::commands::nodes::Nodes;
use crate::commands::pause::Pause;
use crate::commands::remove::Remove;
use crate::commands::report::Report;
use crate::commands::resume::Resume;
use crate::commands::run::Run;
use crate::commands::runs::Runs;
use crate::commands::serve::Serve;
use crate::commands::set::Set;
use crate::commands::start::Start;
use crate::commands::status::Status;
use crate::commands::stop::Stop;
use crate::commands::swap::Swap;
use crate::commands::target::Target;
use crate::commands::upload::Upload;
use crate::commands::validate::Validate;
use crate::commands::watch::Watch;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Widest help text, in columns: prose beyond this is hard to read.
const HELP_COLUMNS_MAX: usize = 100;

/// A load-test engine: write one user in code, compile it to WebAssembly, run a hundred thousand of them.
///
/// Every option can also be given as the variable that its help names; a flag goes before a variable, a variable before
/// what the scenario suggests. Lengths of time need a unit: 500ms, 30s, 1m30s.
#[derive(Debug, Parser)]
#[command(name = "lt-host", version, max_term_width = HELP_COLUMNS_MAX, subcommand_required = true, arg_required_else_help = false)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// How much the log on standard error tells: the host's own lines and those of scenarios. Lines of the libraries it is
    /// built on appear from their warnings on.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "LEVEL",
        env = "LT_LOG_LEVEL",
        default_value = "info"
    )]
    pub(crate) log_level: LogLevel,
    /// How the log is written: text for people, or one JSON object a line for programs.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "LT_LOG_FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
    /// Print without colours, also on a terminal. The variable NO_COLOR, if it is set to anything, does the same.
    #[arg(long, global = true, env = "LT_NO_COLOR", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) no_color: bool,
}

/// How much the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// And what is odd.
    Warn,
    /// And what is worth knowing.
    Info,
    /// And detail.
    Debug,
    /// And everything.
    Trace,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

impl Global {
    /// Whether results on standard output are coloured.
    pub(crate) fn colors_stdout(&self, process: &Process) -> bool {
        process.stdout_is_terminal && self.colors_wanted(process)
    }

    /// Whether the log on standard error is coloured.
    pub(crate) fn colors_stderr(&self, process: &Process) -> bool {
        process.stderr_is_terminal && self.colors_wanted(process)
    }

    /// `NO_COLOR` is a convention of many programs (no-color.org): any value that is not empty counts.
    fn colors_wanted(&self, process: &Process) -> bool {
        !self.no_color && process.variable("NO_COLOR").is_none()
    }
}

/// One variant a verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<Run>),
    Describe(Describe),
    Validate(Box<Validate>),
    Report(Report),
    New(New),
    Doctor(Doctor),
    Serve(Box<Serve>),
    Target(Target),
    Upload(Upload),
    Start(Box<Start>),
    Watch(Watch),
    Status(Status),
    Runs(Runs),
    Nodes(Nodes),
    Logs(Logs),
    Add(Add),
    Remove(Remove),
    Set(Set),
    Swap(Swap),
    Pause(Pause),
    Resume(Resume),
    Stop(Stop),
    Annotate(Annotate),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// Take in where options came from: the command line, or variables. `known` is what was parsed for.
    pub(crate) fn learn(&mut self, known: &ClapCommand, matches: &ArgMatches) {
        let Some((name, matches)) = matches.subcommand() else {
            return;
        };
        let Some(known) = known.find_subcommand(name) else {
            return;
        };
        match self {
            Self::Run(run) => run.learn(known, matches),
            Self::Validate(validate) => validate.learn(known, matches),
            Self::Start(start) => start.learn(known, matches),
            _ => {}
        }
    }

    /// Do it.
    pub(crate) fn execute(
        self,
        process: &mut Process,
        global: &Global,
    ) -> Result<Exit, CommandError> {
        match self {
            Self::Run(run) => run.execute(process, global),
            Self::Describe(describe) => describe.execute(process),
            Self::Validate(validate) => validate.execute(process),
            Self::Report(report) => report.execute(process, global),
            Self::New(new) => new.execute(process),
            Self::Doctor(doctor) => doctor.execute(process),
            Self::Serve(serve) => serve.execute(process),
            Self::Target(target) => target.execute(process),
            Self::Upload(upload) => upload.execute(process),
            Self::Start(start) => start.execute(process, global),
            Self::Watch(watch) => watch.execute(process, global),
            Self::Status(status) => status.execute(process),
            Self::Runs(runs) => runs.execute(process),
            Self::Nodes(nodes) => nodes.execute(process),
            Self::Logs(logs) => logs.execute(process),
            Self::Add(add) => add.execute(process),
            Self::Remove(remove) => remove.execute(process),
            Self::Set(set) => set.execute(process),
            Self::Swap(swap) => swap.execute(process),
            Self::Pause(pause) => pause.execute(process),
            Self::Resume(resume) => resume.execute(process),
            Self::Stop(stop) => stop.execute(process),
            Self::Annotate(annotate) => annotate.execute(process),
            Self::Completions(completions) => completions.execute(process),
            Self::Man(man) => man.execute(process),
        }
    }
}

/// The program's arguments as clap knows them: for parsing, help, completions and the manual. Values of variables are never
/// shown: they may be secret, and help must not differ between machines.
#[must_use]
pub fn command() -> ClapCommand {
    without_values(Cli::command())
        .color(ColorChoice::Never)
        .after_help(exit_codes())
        .after_long_help(exit_codes())
}

fn without_values(command: ClapCommand) -> ClapCommand {
    command
        .mut_args(|argument| {
            // A negative number is a value: it is refused with a reason, not taken for an option.
            let takes_value = argument.get_action().takes_values();
            argument
                .hide_env_values(true)
                .allow_negative_numbers(takes_value)
        })
        .mut_subcommands(without_values)
}

fn exit_codes() -> String {
    let mut text = "Exit codes:".to_owned();
    for exit in Exit::ALL {
        text.push_str(&format!("\n  {:>3}  {}", exit.code(), exit.meaning()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::fake;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        command().debug_assert();
    }

    #[test]
    fn every_option_has_its_variable() {
        fn check(command: &ClapCommand) {
            for argument in command
                .get_arguments()
                .filter(|argument| argument.get_long().is_some())
            {
                let long = argument.get_long().unwrap();
                if ["help", "version"].contains(&long) {
                    continue;
                }
                let variable = argument
                    .get_env()
                    .unwrap_or_else(|| panic!("--{long} has no variable"));
                assert!(variable.to_str().unwrap().starts_with("LT_"), "--{long}");
                assert!(argument.get_help().is_some(), "--{long} has no help");
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }

    #[test]
    fn bad_usage_is_bad_input_and_help_is_an_answer() {
        let (mut process, printed) = fake(&["run"]);
        assert_eq!(crate::main(&mut process), Exit::BadInput);
        assert!(
            printed.stderr.text().contains("SCENARIO"),
            "{}",
            printed.stderr.text()
        );
        let (mut process, _) = fake(&["fly"]);
        assert_eq!(crate::main(&mut process), Exit::BadInput);
        let (mut process, _) = fake(&[]);
        assert_eq!(crate::main(&mut process), Exit::BadInput);
        let (mut process, printed) = fake(&["--help"]);
        assert_eq!(crate::main(&mut process), Exit::Success);
        assert!(
            printed.stdout.text().contains("104  bad input"),
            "{}",
            printed.stdout.text()
        );
        let (mut process, printed) = fake(&["--version"]);
        assert_eq!(crate::main(&mut process), Exit::Success);
        assert!(printed.stdout.text().starts_with("lt-host "));
    }

    /// Help is a contract: flags and variables stand in people's scripts. `LT_BLESS=1 cargo test` takes what there is now.
    #[test]
    fn help_is_as_it_was() {
        let snapshots =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/snapshots");
        let bless = Process::of_this().variable("LT_BLESS").is_some();
        let mut root = command().term_width(HELP_COLUMNS_MAX);
        root.build();
        let pages = std::iter::once(("lt-host".to_owned(), root.render_long_help())).chain(
            root.get_subcommands_mut()
                .map(|verb| (verb.get_name().to_owned(), verb.render_long_help())),
        );
        for (name, page) in pages.collect::<Vec<_>>() {
            if name == "help" {
                continue;
            }
            let path = snapshots.join(format!("help-{name}.txt"));
            let page = page
                .to_string()
                .replace(env!("CARGO_PKG_VERSION"), "VERSION");
            if bless {
                std::fs::create_dir_all(&snapshots).unwrap();
                std::fs::write(&path, &page).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                page == kept,
                "the help of {name} is not that of {}:\n{page}",
                path.display()
            );
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure() {
        let (mut process, _) = fake(&["completions", "bash"]);
        process.stdout = Box::new(crate::process::testing::Closed);
        assert_eq!(crate::main(&mut process), Exit::Success);
    }

    #[test]
    fn colours_are_for_terminals_of_people_who_want_them() {
        let (mut process, _) = fake(&[]);
        let mut global = Global {
            log_level: LogLevel::Info,
            log_format: LogFormat::Text,
            no_color: false,
        };
        assert!(!global.colors_stdout(&process));
        process.stdout_is_terminal = true;
        assert!(global.colors_stdout(&process));
        process
            .variables
            .insert("NO_COLOR".to_owned(), String::new());
        assert!(global.colors_stdout(&process));
        process
            .variables
            .insert("NO_COLOR".to_owned(), "1".to_owned());
        assert!(!global.colors_stdout(&process));
        process.variables.clear();
        global.no_color = true;
        assert!(!global.colors_stdout(&process));
    }
}
