//! `lt-host start`: a run on a host.

use clap::builder::BoolishValueParser;
use clap::{ArgMatches, Args, Command};

use crate::cli::Global;
use crate::client::{Interrupts, Look, Order, Run, Served, json_page, run_now, watch};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{RunOptions, SummaryOptions};
use crate::process::Process;
use crate::show::plain;

/// Start a run on a host, and print its id
///
/// Takes what `lt-host run` takes: the name of a scenario that the host has, a .wasm file, or a run file, whose scenarios and
/// data files are uploaded first. A run file for hosts names stored scenarios: `scenario = "NAME"` in place of `file`.
#[derive(Clone, Debug, Args)]
#[command(
    after_long_help = EXAMPLES,
    mut_arg("scenario", |it| it
        .value_name("SCENARIO")
        .help("The name of a scenario that the host has, or a .wasm file, which is uploaded")
        .long_help(None)),
    mut_arg("outputs", |it| it
        .value_name("KIND")
        .help("Write to the run's results: json or csv for every sample, stream-csv for how streams went. May be repeated")
        .long_help(None)),
    mut_arg("once", |it| it.hide(true)),
    mut_arg("state_file", |it| it.hide(true)),
    mut_arg("ca_cert", |it| it.hide(true)),
    mut_arg("client_cert", |it| it.hide(true)),
    mut_arg("client_key", |it| it.hide(true)),
    mut_arg("compile_cache", |it| it.hide(true)),
    mut_arg("no_compile_cache", |it| it.hide(true)),
    mut_arg("hardened", |it| it.hide(true)),
)]
pub(crate) struct Start {
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    summary: SummaryOptions,
    #[command(flatten)]
    served: Served,
}

// What the run is called, and whether it is waited for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The run")]
struct About {
    /// The id of the run: small letters, digits and '-'. The same id with the same run again is that run, and no other.
    #[arg(long, value_name = "ID", env = "LT_ID")]
    id: Option<String>,
    /// A title for people.
    #[arg(long, value_name = "TEXT", env = "LT_TITLE")]
    title: Option<String>,
    /// Why it is run.
    #[arg(long, value_name = "TEXT", env = "LT_COMMENT")]
    comment: Option<String>,
    /// Which version of the stored scenario: at least eight characters of its digest. The current one unless given.
    #[arg(long, value_name = "DIGEST", env = "LT_DIGEST")]
    digest: Option<String>,
    /// Watch the run to its end, print the summary, and exit with its exit code. Ctrl-C leaves it running.
    #[arg(short, long, env = "LT_WAIT", value_parser = BoolishValueParser::new())]
    wait: bool,
    /// Show no progress while waiting.
    #[arg(short, long, env = "LT_QUIET", value_parser = BoolishValueParser::new())]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  A stored scenario, ten users for half a minute; its id is printed:
    lt-host start shop --users 10 --duration 30s --set base-url=http://127.0.0.1:8080
  A scenario from a file, judged; the exit code is the run's:
    lt-host start shop.wasm -u 100 -d 1m --threshold 'http_req_failed:rate<0.01' --wait
  A run file:
    lt-host start --spec run.toml --to https://load.example --token-file token --title 'before the release'";

impl Start {
    /// Take in where its options came from.
    pub(crate) fn learn(&mut self, command: &Command, matches: &ArgMatches) {
        self.options.learn(command, matches);
    }

    /// Order, start, wait.
    pub(crate) fn execute(
        self,
        process: &mut Process,
        global: &Global,
    ) -> Result<Exit, CommandError> {
        let text = self.summary.text_options(global.colors_stdout(process))?;
        let client = self.served.client(process)?;
        let about = &self.about;
        let order = Order::make(&self.options, about.digest.as_deref(), &client, process)?
            .with("id", about.id.as_deref())
            .with("name", about.title.as_deref())
            .with("comment", about.comment.as_deref());
        let answer = client.post(&["runs"], &order.document).map_err(|error| {
            let error: CommandError = error.naming(|field| order.field(field)).into();
            error.naming(&self.options.variables)
        })?;
        let run: Run = answer.read()?;
        if !about.wait {
            let page = match self.served.json {
                true => json_page(&answer.body)?,
                false => format!("{}\n", plain(&run.id)),
            };
            process.print(&page)?;
            return Ok(Exit::Success);
        }
        process.complain(&format!("run {} started", plain(&run.id)));
        let look = Look {
            json: false,
            quiet: about.quiet || self.served.json,
            text,
            summary: !self.served.json,
        };
        let mut interrupts = Interrupts::hear()?;
        let exit = watch(&client, &run.id, &look, &mut interrupts, process)?;
        if self.served.json {
            process.print(&json_page(&run_now(&client, &run.id)?.body)?)?;
        }
        Ok(exit)
    }
}
