//! `lt-host run`: a run from what was typed to the exit code.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use clap::{ArgMatches, Args, Command};
use lt_report::{
    JournalWriter, ProgressDisplay, SampleWriter, SamplesCsv, SamplesJson, StreamCsv, conclusions,
    text_summary, write_summary_export,
};
use lt_run::{Control, RunPlan};
use lt_runtime::Scenario;
use lt_spec::Problem;
use lt_spec::spec::{Output, RunSpec};

use crate::caveats::caveats_of;
use crate::cli::Global;
use crate::commands::validate::warnings;
use crate::ending::{complete, exit_of, refused, settle, tell_end};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::load_text::load_line;
use crate::logging::{Held, write_line};
use crate::machine;
use crate::options::{ReportOptions, RunOptions};
use crate::prepare::{Prepared, prepare};
use crate::process::{Process, end_at_once, on_interrupt};
use crate::record::Record;
use crate::secrets::Secrets;
use crate::show::plain;
use crate::trace;
use crate::watch::Watch;

/// How often a person has to ask for the end before the process ends where it stands: once gracefully, once at once, once more.
const INTERRUPTS_FOR_END: u32 = 3;

/// Run a scenario: users, iterations, numbers, verdict
///
/// The first Ctrl-C lets iterations under way come to their end, the second ends the run at once; both still print the
/// summary. Progress goes to standard error: a bar on a terminal, else a line a second. The summary goes to standard output.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Run {
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    report: ReportOptions,
}

const EXAMPLES: &str = "\
Examples:
  A hundred users for half a minute:
    lt-host run shop.wasm --users 100 --duration 30s
  A thousand iterations by ten users, with a setting, judged:
    lt-host run shop.wasm -u 10 -i 1000 --set base-url=http://127.0.0.1:8080 \\
      --threshold 'http_req_duration:p(95)<200' --threshold 'http_req_failed:rate<0.01'
  Every user once a minute, starting 50 ms apart, every sample to a file:
    lt-host run shop.wasm -u 1000 -d 10m --interarrival 50ms --repeat-interval 1m --out csv=samples.csv
  Up to 200 users and down again; 100 iterations a second by 50 users, 200 if those do not do:
    lt-host run shop.wasm --stage 30s:200 --stage 2m:200 --stage 30s:0
    lt-host run shop.wasm --rate 100/s -d 1m -u 50 --max-users 200
  A steady state of streams, every user's recorded for `lt-host report --replay`:
    lt-host run fans.wasm -u 200 --steady 60s --deadline 5m --out stream-csv=streams.csv
  Several scenarios, each with its own load and settings:
    lt-host run --spec run.toml
  One iteration, with every call that the scenario makes:
    lt-host run shop.wasm --once

`lt-host help` lists the exit codes.";

impl Run {
    /// Take in where its options came from.
    pub(crate) fn learn(&mut self, command: &Command, matches: &ArgMatches) {
        self.options.learn(command, matches);
    }

    /// Check, run, report.
    pub(crate) fn execute(
        self,
        process: &mut Process,
        global: &Global,
    ) -> Result<Exit, CommandError> {
        let descriptors = machine::raise_descriptors();
        let prepared = prepare(&self.options, &self.report, process)?;
        let text_options = self.report.text_options(global.colors_stdout(process))?;
        let mut caveats = warnings(
            prepared.spec.users_max(),
            descriptors,
            machine::ephemeral_ports(),
        );
        caveats.extend(caveats_of(&prepared));
        let Prepared {
            mut spec,
            scenarios,
            registry,
            data,
            shared,
            seed_is_given: _,
        } = prepared;
        let named =
            |problems: Vec<Problem>| CommandError::from(problems).naming(&self.options.variables);
        let Outputs { writers, journals } = open_outputs(&spec).map_err(named)?;
        let export = self
            .report
            .summary_export()
            .map(create_export)
            .transpose()
            .map_err(named)?;
        let now_unix_ns = (process.now_unix_ns)();
        let mut record = match self.report.no_results {
            true => Record::none(),
            false => Record::create(&self.report.results, now_unix_ns).map_err(named)?,
        };
        if let Some(name) = record.name() {
            spec.id = name;
        }
        record.started(&spec, &scenarios, now_unix_ns);

        let control = Control::default();
        let held = Held::default();
        let (mut display, is_bar) = self.display(process, &held);
        for warning in caveats {
            tracing::warn!("{warning}");
        }
        if !self.report.quiet {
            for line in banner(&spec, &scenarios) {
                if self.is_traced() {
                    process.complain(&line);
                } else {
                    let _unheard = display.say(&line);
                }
            }
        }
        let tracer = self
            .is_traced()
            .then(|| trace::tracer(Secrets::of(&spec), write_line));
        obey_interrupts(&control)?;
        let facts = spec.clone();
        let mut watch = Watch::new(
            &facts,
            control.clone(),
            (display, is_bar),
            record,
            held,
            process.now_unix_ns,
        );
        let plan = RunPlan {
            spec,
            scenarios,
            registry,
            writers,
            journals,
            data,
            shared,
            probe: Box::new(machine::generator_load),
            tracer,
            targets: None,
        };
        let outcome = lt_run::run(plan, &control, &mut |tick| watch.see(tick));
        let mut record = watch.finish();
        let mut outcome = outcome.map_err(refused)?;

        let exit = exit_of(&outcome);
        let how = (&outcome.ended, outcome.terminate_failed.as_deref());
        complete(&mut outcome.summary, how, exit, now_unix_ns);
        Secrets::of(&facts).hide_in_summary(&mut outcome.summary);
        let now_unix_ns = (process.now_unix_ns)();
        let _told = record.last(&outcome, now_unix_ns);
        let mut faults = record.ended(&outcome.summary, None, now_unix_ns);
        faults.append(&mut outcome.write_faults);
        if let Some(file) = export
            && let Err(error) = write_summary_export(BufWriter::new(file), &outcome.summary)
        {
            faults.push(format!("--summary-export: {error}"));
        }
        let summary = text_summary(&outcome.summary, &text_options);
        // What the scenarios concluded is the last of standard output: programs take the last line.
        let told = process.print(&format!("{summary}{}", conclusions(&outcome.summary)));
        tell_end(process, &outcome, record.path());
        Ok(settle(process, exit, faults, told))
    }

    /// Whether every call is shown.
    fn is_traced(&self) -> bool {
        self.options.load.once
    }

    /// How progress is shown, and whether as a bar. A trace stands alone.
    fn display(&self, process: &Process, held: &Held) -> (ProgressDisplay, bool) {
        if self.report.quiet || self.is_traced() {
            (ProgressDisplay::quiet(), false)
        } else if process.stderr_is_terminal {
            // While a bar is drawn, log lines wait for it to make room.
            held.hold();
            (ProgressDisplay::terminal(machine::terminal_size), true)
        } else {
            (ProgressDisplay::lines(std::io::stderr()), false)
        }
    }
}

/// What runs, in a line a scenario.
fn banner(spec: &RunSpec, scenarios: &[Scenario]) -> Vec<String> {
    let all = spec.scenarios.iter().zip(scenarios);
    all.map(|(part, scenario)| {
        let about = scenario.description();
        let (name, version) = (plain(&part.name), plain(&about.version));
        if part.name == about.name {
            format!("{name} {version}: {}", load_line(part))
        } else {
            format!(
                "{name} ({} {version}): {}",
                plain(&about.name),
                load_line(part)
            )
        }
    })
    .collect()
}

/// The outputs of a run, open.
#[derive(Default)]
struct Outputs {
    writers: Vec<Box<dyn SampleWriter + Send>>,
    journals: Vec<Box<dyn JournalWriter + Send>>,
}

impl Outputs {
    fn open(&mut self, output: &Output, spec: &RunSpec) -> std::io::Result<()> {
        let file = BufWriter::new(File::create(output.path())?);
        match output {
            Output::Json(_) => {
                let json = SamplesJson::new(file, &spec.thresholds);
                self.writers.push(Box::new(json));
            }
            Output::Csv(_) => self.writers.push(Box::new(SamplesCsv::new(file)?)),
            Output::StreamCsv(_) => {
                let rows = StreamCsv::new(file, &spec.node);
                self.journals.push(Box::new(rows));
            }
        }
        Ok(())
    }
}

/// Open the files of all outputs, so that one that cannot be written is known before anything starts.
fn open_outputs(spec: &RunSpec) -> Result<Outputs, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut outputs = Outputs::default();
    for output in &spec.outputs {
        if let Err(error) = outputs.open(output, spec) {
            let typed = format!("{}={}", output.kind(), output.path().display());
            problems.push(unwritable("--out", &typed, &error));
        }
    }
    if problems.is_empty() {
        Ok(outputs)
    } else {
        Err(problems)
    }
}

fn create_export(path: &Path) -> Result<File, Vec<Problem>> {
    File::create(path).map_err(|error| {
        vec![unwritable(
            "--summary-export",
            &path.display().to_string(),
            &error,
        )]
    })
}

fn unwritable(field: &str, value: &str, error: &std::io::Error) -> Problem {
    let message = format!("cannot be written: {error}");
    Problem::new(
        field,
        value,
        message,
        "name a file in a directory that exists and that you may write to",
    )
}

/// First gracefully, then at once, then whatever happens.
fn obey_interrupts(control: &Control) -> Result<(), CommandError> {
    let control = control.clone();
    on_interrupt(move |count| match count {
        1 => control.stop_gracefully(),
        INTERRUPTS_FOR_END.. => end_at_once(Exit::Interrupted),
        _ => control.stop_now(),
    })?;
    Ok(())
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
