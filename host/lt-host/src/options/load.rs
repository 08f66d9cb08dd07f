//! How much load, and by whom.

use clap::Args;
use clap::builder::BoolishValueParser;

// When iterations start.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadOptions {
    /// How long users go on iterating. With neither this, --iterations nor stages, each user iterates once; with both, the run
    /// ends with whichever comes first.
    #[arg(short, long, value_name = "TIME", env = "LT_DURATION")]
    pub(crate) duration: Option<String>,
    /// Iterations in all, shared by the users: whoever is free takes the next. At least as many as there are users.
    #[arg(short, long, value_name = "N", env = "LT_ITERATIONS")]
    pub(crate) iterations: Option<String>,
    /// Iterations of each user, after which it ends; with --executor churn another takes its place.
    #[arg(long, value_name = "N", env = "LT_REPEAT_NUM")]
    pub(crate) repeat_num: Option<String>,
    /// A stage of a ramp, from where the last one ended to its target: 30s:100 are users, 30s:100/s iterations a second; a time
    /// of 0s jumps. May be repeated, up to 1440 times, in order; LT_STAGE takes one a line.
    #[arg(
        long = "stage",
        value_name = "TIME:TARGET",
        env = "LT_STAGE",
        value_delimiter = '\n'
    )]
    pub(crate) stages: Vec<String>,
    /// Users at the start of the first stage. 0 unless given.
    #[arg(long, value_name = "N", env = "LT_START_USERS")]
    pub(crate) start_users: Option<String>,
    /// Stages that climb: 10:10:30s:5 holds 10 users for 30 seconds, then 20, up to five steps. 10/s:10/s:30s:5 climbs in
    /// iterations a second.
    #[arg(long, value_name = "START:STEP:HOLD:STEPS", env = "LT_STAIRCASE")]
    pub(crate) staircase: Option<String>,
    /// Stages that jump up and back: 10:500:30s:10s:1m holds 10 users for 30 seconds, 500 for ten, and 10 for a minute.
    /// 10/s:500/s:30s:10s:1m does so in iterations a second.
    #[arg(long, value_name = "BASE:PEAK:BEFORE:HOLD:AFTER", env = "LT_SPIKE")]
    pub(crate) spike: Option<String>,
    /// Start this many iterations in a time, by whichever user is free: 100/s, 6000/m; 100 are a second's. An iteration that
    /// finds no user free counts as dropped. --users are made before the start. At most 10000000/s.
    #[arg(long, value_name = "RATE", env = "LT_RATE")]
    pub(crate) rate: Option<String>,
    /// Rate at the start of the first stage, where stages are rates. 0 unless given.
    #[arg(long, value_name = "RATE", env = "LT_START_RATE")]
    pub(crate) start_rate: Option<String>,
    /// How the starts of a rate are spaced: uniform, or poisson for starts at random that come together as those of
    /// strangers do. uniform unless given.
    #[arg(long, value_name = "uniform|poisson", env = "LT_SPACING")]
    pub(crate) spacing: Option<String>,
    /// Users that a rate may have at most: more than --users are made while it goes on, if no user is free. As many as --users,
    /// or as --user-range holds, unless given.
    #[arg(long, value_name = "N", env = "LT_MAX_USERS")]
    pub(crate) max_users: Option<String>,
    /// Time between the starts of two iterations of one user. A user whose iteration takes longer starts the next at once.
    /// Without it each iteration follows the one before it directly.
    #[arg(long, value_name = "TIME", env = "LT_REPEAT_INTERVAL")]
    pub(crate) repeat_interval: Option<String>,
    /// What decides when iterations start, if not the other options: constant-users, ramping-users, per-user-iterations,
    /// shared-iterations, constant-arrival-rate, ramping-arrival-rate, or churn, where each user that ends is replaced by
    /// another.
    #[arg(long, value_name = "NAME", env = "LT_EXECUTOR")]
    pub(crate) executor: Option<String>,
    /// Defaults that any option given overrides. amoc: 50ms between the starts of users, an iteration a minute, for ever.
    #[arg(long, value_name = "NAME", env = "LT_PROFILE")]
    pub(crate) profile: Option<String>,
    /// When a load of counted iterations ends without having done them all. --duration says the same. 10m unless given.
    #[arg(long, value_name = "TIME", env = "LT_MAX_DURATION")]
    pub(crate) max_duration: Option<String>,
    /// How long the iteration of a user that is ramped down may take, before it is cut off. 30s unless given.
    #[arg(long, value_name = "TIME", env = "LT_GRACEFUL_RAMP_DOWN")]
    pub(crate) graceful_ramp_down: Option<String>,
    /// How long iterations under way may take when the run ends, before they are cut off. 30s unless given.
    #[arg(long, value_name = "TIME", env = "LT_GRACEFUL_STOP")]
    pub(crate) graceful_stop: Option<String>,
    /// For writing scenarios: one iteration of one user, with every call to the host on standard error, its arguments, how long
    /// it took and what came of it.
    #[arg(long, env = "LT_ONCE", value_parser = BoolishValueParser::new())]
    pub(crate) once: bool,
    /// Seed of every random number, to repeat a run: ids, pacing, feeders and what scenarios draw. Random unless given; the
    /// last lines of a run tell it.
    #[arg(long, value_name = "N", env = "LT_SEED")]
    pub(crate) seed: Option<String>,
    /// Threads that run users, from 1 to 1024. All processors that this process may use unless given.
    #[arg(long, value_name = "N", env = "LT_CORES")]
    pub(crate) cores: Option<String>,
}

// Who the users are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Users")]
pub(crate) struct UserOptions {
    /// Number of virtual users, each in a sandbox of its own. Without it the scenario's suggestion, else 1. With a rate, those
    /// made before the start: without it as many as iterations start in a second, up to 10000.
    #[arg(short, long, visible_alias = "vus", value_name = "N", env = "LT_USERS")]
    pub(crate) users: Option<String>,
    /// Time between the starts of two users, so that they do not all begin at once. Without it they do. With --executor churn
    /// also the time from a user's end to the start of the next.
    #[arg(long, value_name = "TIME", env = "LT_INTERARRIVAL")]
    pub(crate) interarrival: Option<String>,
    /// Ids of the users, both ends included: 101..200 are a hundred users. Churn's have no end: 101.. Without it they are
    /// counted from 1.
    #[arg(long, value_name = "FIRST..LAST", env = "LT_USER_RANGE")]
    pub(crate) user_range: Option<String>,
    /// How many in a hundred users are new, from 0 to 100; the others are told that they have an account already. New ones take
    /// the ids of --user-range, else those behind the others; with 0 the others take them.
    #[arg(long, value_name = "PERCENT", env = "LT_PERCENT_NEW")]
    pub(crate) percent_new: Option<String>,
    /// Id of the first user that has an account already; at least 1. Alone, it says that all have one.
    #[arg(long, value_name = "ID", env = "LT_EXISTING_OFFSET")]
    pub(crate) existing_offset: Option<String>,
    /// How many users play a role that the scenario declares, instead of what it suggests: seller=3, seller=30%,
    /// seller=every:53 or seller=weight:2. May be repeated; LT_ROLE takes one a line.
    #[arg(
        long = "role",
        value_name = "NAME=SHARE",
        env = "LT_ROLE",
        value_delimiter = '\n'
    )]
    pub(crate) roles: Vec<String>,
    /// What becomes of a user whose sandbox was lost, by a panic for one: rebuild, or retire; and when the run ends with exit
    /// code 107: abort:10 users, abort:5% of them. One of each is joined by a comma: retire,abort:5%. rebuild unless given.
    #[arg(long, value_name = "POLICY", env = "LT_ON_USER_FAILURE")]
    pub(crate) on_user_failure: Option<String>,
}
