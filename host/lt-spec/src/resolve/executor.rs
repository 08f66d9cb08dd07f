//! Which executor a scenario's options ask for, and which options each takes.

use super::{Problems, nearest};
use crate::description::DefaultLoad;
use crate::parse::Fault;
use crate::plan::ScenarioPlan;

/// The seven executors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ConstantUsers,
    RampingUsers,
    PerUserIterations,
    SharedIterations,
    ConstantArrivalRate,
    RampingArrivalRate,
    Churn,
}

/// Options that every executor takes.
const COMMON: [&str; 9] = [
    "executor",
    "existing-offset",
    "graceful-stop",
    "on-user-failure",
    "percent-new",
    "profile",
    "start",
    "user-range",
    "weight",
];

/// Names, as typed, and what each takes beside [`COMMON`].
const KINDS: [(Kind, &str, &[&str]); 7] = [
    (
        Kind::ConstantUsers,
        "constant-users",
        &["users", "duration", "interarrival", "repeat-interval"],
    ),
    (
        Kind::RampingUsers,
        "ramping-users",
        &[
            "stage",
            "staircase",
            "spike",
            "start-users",
            "graceful-ramp-down",
            "repeat-interval",
        ],
    ),
    (
        Kind::PerUserIterations,
        "per-user-iterations",
        &[
            "users",
            "repeat-num",
            "max-duration",
            "duration",
            "interarrival",
            "repeat-interval",
        ],
    ),
    (
        Kind::SharedIterations,
        "shared-iterations",
        &[
            "users",
            "iterations",
            "max-duration",
            "duration",
            "interarrival",
            "repeat-interval",
        ],
    ),
    (
        Kind::ConstantArrivalRate,
        "constant-arrival-rate",
        &["rate", "duration", "spacing", "users", "max-users"],
    ),
    (
        Kind::RampingArrivalRate,
        "ramping-arrival-rate",
        &[
            "stage",
            "staircase",
            "spike",
            "start-rate",
            "spacing",
            "users",
            "max-users",
        ],
    ),
    (
        Kind::Churn,
        "churn",
        &[
            "users",
            "repeat-num",
            "duration",
            "interarrival",
            "repeat-interval",
        ],
    ),
];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        self.row().1
    }

    /// Whether `option` means anything to it.
    fn takes(self, option: &str) -> bool {
        COMMON.contains(&option) || self.row().2.contains(&option)
    }

    fn row(self) -> &'static (Self, &'static str, &'static [&'static str]) {
        let found = KINDS.iter().find(|(kind, ..)| *kind == self);
        found.unwrap_or(&KINDS[0])
    }

    /// Whether its users are a number that can be shared out by weight.
    pub(super) fn has_users(self) -> bool {
        self.takes("users") && !self.is_open()
    }

    /// Whether arrivals, not users, are what it counts.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::ConstantArrivalRate | Self::RampingArrivalRate)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let found = KINDS.iter().find(|(_, name, _)| *name == text.trim());
        found.map(|(kind, ..)| *kind).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|(_, name, _)| *name).collect();
            let remedy = match nearest(text, names.iter().copied()) {
                Some(similar) => format!("did you mean {similar}?"),
                None => format!("use one of {}", names.join(", ")),
            };
            Fault::new("is no executor", remedy)
        })
    }
}

/// What was chosen, and by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub(super) kind: Kind,
    /// The option that decided; `None` if none did, and the scenario's own load counts.
    by: Option<&'static str>,
}

impl Chosen {
    /// Whether nothing was typed that says how long or how much.
    pub(super) fn is_suggested(self) -> bool {
        self.by.is_none()
    }
}

/// The executor: named, or what k6's shortcuts make of the other options.
pub(super) fn choose(
    scenario: &ScenarioPlan,
    suggested: DefaultLoad,
    waits_for_steady: bool,
    problems: &mut Problems,
) -> Option<Chosen> {
    let load = &scenario.load;
    if let Some(given) = load.get("executor") {
        let kind = problems.read(given, Kind::parse)?;
        let by = Some("executor");
        return Some(Chosen { kind, by });
    }
    let given = |name: &'static str| load.get(name).map(|_| name);
    let shape = ["staircase", "spike"].into_iter().find_map(given);
    let shape = shape.or((!scenario.stages.is_empty()).then_some("stage"));
    let paced = ["start-rate", "spacing"].into_iter().find_map(given);
    let (kind, by) = if let Some(shape) = shape {
        if has_rates(scenario) || paced.is_some() {
            (Kind::RampingArrivalRate, Some(shape))
        } else {
            (Kind::RampingUsers, Some(shape))
        }
    } else if let Some(rate) = given("rate").or(paced).or_else(|| given("max-users")) {
        (Kind::ConstantArrivalRate, Some(rate))
    } else if let Some(name) = given("repeat-num") {
        (Kind::PerUserIterations, Some(name))
    } else if let Some(name) = given("iterations") {
        (Kind::SharedIterations, Some(name))
    } else if let Some(name) = given("duration").or_else(|| given("profile")) {
        (Kind::ConstantUsers, Some(name))
    } else if waits_for_steady {
        (Kind::ConstantUsers, Some("steady"))
    } else if suggested.iterations.is_some() {
        (Kind::SharedIterations, None)
    } else if suggested.duration.is_some() {
        (Kind::ConstantUsers, None)
    } else {
        (Kind::PerUserIterations, None)
    };
    Some(Chosen { kind, by })
}

/// Whether any target of its stages is a rate.
fn has_rates(scenario: &ScenarioPlan) -> bool {
    let shapes = ["staircase", "spike"].into_iter();
    let shapes = shapes.filter_map(|name| scenario.load.get(name));
    shapes
        .chain(&scenario.stages)
        .any(|given| given.value.contains('/'))
}

/// Flags over a run file's scenario: if they choose a shape, what the file says of another one gives way, as k6's command
/// line replaces a script's options. What is left of the file are options that the chosen executor takes.
pub(crate) fn give_way(scenario: &mut ScenarioPlan, typed: &ScenarioPlan) {
    let given = |name: &str| typed.load.get(name).is_some();
    // Where iterations are counted the two say the same; the one that was typed counts.
    if given("duration") {
        scenario.load.remove("max-duration");
    } else if given("max-duration") {
        let counted = ["iterations", "repeat-num"].into_iter();
        let mut counted =
            counted.filter_map(|name| scenario.load.get(name).or(typed.load.get(name)));
        if counted.next().is_some() {
            scenario.load.remove("duration");
        }
    }
    let steps = ["staircase", "spike"];
    let has_steps = !typed.stages.is_empty() || steps.into_iter().any(given);
    let others = ["executor", "rate", "iterations", "repeat-num", "duration"];
    if !has_steps && !others.into_iter().any(given) {
        return;
    }
    // Faults are told when the whole is resolved.
    let mut untold = Problems::default();
    let mut choice = |plan: &ScenarioPlan| {
        let chosen = choose(plan, DefaultLoad::default(), false, &mut untold);
        let chosen = chosen.filter(|chosen| !chosen.is_suggested());
        chosen.map(|chosen| chosen.kind)
    };
    let typed_options = typed.load.iter().map(|(name, _)| name);
    let typed_stages = (!typed.stages.is_empty()).then_some("stage");
    let mut shape = typed_options
        .chain(typed_stages)
        .filter(|name| steps.contains(name) || others.contains(name) || *name == "stage");
    let is_named = scenario.load.get("executor").is_some();
    let known = choice(scenario).filter(|_| !given("executor") && (is_named || !has_steps));
    let kind = known
        .filter(|known| shape.all(|name| known.takes(name)))
        .or_else(|| choice(typed));
    let Some(kind) = kind else { return };
    if has_steps {
        scenario.stages.clear();
        steps
            .into_iter()
            .for_each(|name| scenario.load.remove(name));
    }
    if known != Some(kind) {
        scenario.load.remove("executor");
    }
    if !kind.takes("stage") {
        scenario.stages.clear();
    }
    scenario.load.retain(|name| kind.takes(name));
}

/// Options that the executor does not take: each would be ignored, so each is a mistake.
pub(super) fn check_options(scenario: &ScenarioPlan, chosen: Chosen, problems: &mut Problems) {
    let stages = scenario.stages.iter().map(|given| ("stage", given));
    for (name, given) in scenario.load.iter().chain(stages) {
        if chosen.kind.takes(name) {
            continue;
        }
        let because = match chosen.by {
            Some("executor") | None => String::new(),
            Some(by) => format!(", which {} asks for,", scenario.written(by)),
        };
        let others = KINDS.iter().filter(|(kind, ..)| kind.takes(name));
        let others: Vec<&str> = others.map(|(_, name, _)| *name).collect();
        let fault = Fault::new(
            format!(
                "the executor {}{because} does not take it",
                chosen.kind.name()
            ),
            format!("leave it out; it belongs to {}", others.join(", ")),
        );
        problems.add(&given.field, &given.value, fault);
    }
}
