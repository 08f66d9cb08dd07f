//! What goes into a run, and what it is judged by.

use clap::Args;
use clap::builder::BoolishValueParser;

// What goes into the run and what it is judged by.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Settings and verdict")]
pub(crate) struct InputOptions {
    /// A setting of the scenario; `lt-host describe` lists them. May be repeated. Each can also be given as the variable
    /// LT_SET_<NAME>, in capitals and with '_' for '-'. Of a run file's scenarios, all that declare it take it;
    /// SCENARIO.NAME=VALUE is for one.
    #[arg(
        long = "set",
        value_name = "NAME=VALUE",
        env = "LT_SET",
        value_delimiter = '\n'
    )]
    pub(crate) settings: Vec<String>,
    /// What the run must reach, in k6's words: 'http_req_duration:p(95)<200', 'http_req_failed:rate<0.01',
    /// 'http_reqs{status:500}:count<1'. Times are in milliseconds, rates from 0 to 1. ';abort' ends the run as soon as it
    /// does not hold, ';abort=10s' not before ten seconds. May be repeated; LT_THRESHOLD takes one a line.
    #[arg(
        long = "threshold",
        value_name = "EXPR",
        env = "LT_THRESHOLD",
        value_delimiter = '\n'
    )]
    pub(crate) thresholds: Vec<String>,
    /// End well (exit code 0) once the scenario's steady condition has held this long for every user that was asked for. Users
    /// that failed count as asked for. Needs --deadline.
    #[arg(long, value_name = "TIME", env = "LT_STEADY")]
    pub(crate) steady: Option<String>,
    /// When that must be so at the latest, since the start; else the run ends with exit code 111.
    #[arg(long, value_name = "TIME", env = "LT_DEADLINE")]
    pub(crate) deadline: Option<String>,
    /// A tag for every sample of the run, such as env=staging. May be repeated; LT_TAG takes one a line.
    #[arg(
        long = "tag",
        value_name = "NAME=VALUE",
        env = "LT_TAG",
        value_delimiter = '\n'
    )]
    pub(crate) tags: Vec<String>,
    /// Write to a file while the run goes on: json=FILE or csv=FILE every sample in k6's layout, stream-csv=FILE what each user
    /// requested and how its stream went, a row a second, as viewers of streams read it. May be repeated; LT_OUT takes one a line.
    #[arg(
        short = 'o',
        long = "out",
        value_name = "KIND=FILE",
        env = "LT_OUT",
        value_delimiter = '\n'
    )]
    pub(crate) outputs: Vec<String>,
    /// Do not call the scenario's `terminate` at the end, to look at what a run left behind.
    #[arg(long, env = "LT_NO_TERMINATE", value_parser = BoolishValueParser::new())]
    pub(crate) no_terminate: bool,
}

// Files that users read, and what they share.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataOptions {
    /// A file of any bytes that users read by this name, up to 1 GiB. May be repeated; LT_ASSET takes one a line.
    #[arg(
        long = "asset",
        value_name = "NAME=FILE",
        env = "LT_ASSET",
        value_delimiter = '\n'
    )]
    pub(crate) assets: Vec<String>,
    /// A file of records that users take one by one: .csv with a header, or .json, .jsonl, .ndjson with objects. Its order is the
    /// scenario's, or sequential, circular, random, unique (one for each user) or disjoint (every N-th for each of N users).
    /// May be repeated; LT_FEEDER takes one a line.
    #[arg(
        long = "feeder",
        value_name = "NAME=FILE[:ORDER]",
        env = "LT_FEEDER",
        value_delimiter = '\n'
    )]
    pub(crate) feeders: Vec<String>,
    /// Keep what users store in this file from run to run. It is made if there is none, readable only by its owner.
    #[arg(long, value_name = "FILE", env = "LT_STATE_FILE")]
    pub(crate) state_file: Option<String>,
    /// How long what a user marked as sent may take to be received before it counts as lost. 1m unless given.
    #[arg(long, value_name = "TIME", env = "LT_DELIVERY_TIMEOUT")]
    pub(crate) delivery_timeout: Option<String>,
}
