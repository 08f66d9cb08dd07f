//! Which roles a scenario's users play: as it declares, or as the run says.

use super::{Problems, nearest};
use crate::description::{Description, RoleShare as Declared};
use crate::parse::{self, Fault};
use crate::plan::ScenarioPlan;
use crate::roles::{RoleShare, Roles};

/// Percentages that are this near to a hundred are a hundred: thirds are typed as 33.3.
const PERCENT_SLACK: f64 = 0.2;

/// How many users are to have roles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    /// Users of the load.
    pub(super) users: u64,
    /// Users that there may be, changes included.
    pub(super) users_max: u64,
    /// Whether each that ends is replaced by a new one, so that there is no last one.
    pub(super) is_churn: bool,
}

/// The roles of a scenario's users. Without a crowd (`--once`) there is one user, who plays the first role there is,
/// whatever the others need.
pub(super) fn roles(
    scenario: &ScenarioPlan,
    description: &Description,
    crowd: Option<Crowd>,
    problems: &mut Problems,
) -> Roles {
    let mut shares: Vec<(String, RoleShare)> = description
        .roles
        .iter()
        .map(|role| (role.name.clone(), declared(role.share)))
        .collect();
    let mut last = None;
    let mut is_sound = true;
    for given in &scenario.roles {
        let share = problems.read(given, |text| named_share(text, description));
        let Some((name, share)) = share else {
            is_sound = false;
            continue;
        };
        if let Some(known) = shares.iter_mut().find(|(known, _)| *known == name) {
            known.1 = share;
        }
        last = Some(given);
    }
    if is_sound && let Err(fault) = fits(&shares, crowd, scenario) {
        match last {
            Some(given) => problems.add(&given.field, &given.value, fault),
            None => problems.add(&scenario.field("users"), "", fault),
        }
        return Roles::default();
    }
    Roles::new(&shares)
}

/// Faults of single shares, where it is not known how many users there are to share.
pub(super) fn check(scenario: &ScenarioPlan, description: &Description, problems: &mut Problems) {
    for given in &scenario.roles {
        let _checked = problems.read(given, |text| named_share(text, description));
    }
}

fn declared(share: Declared) -> RoleShare {
    match share {
        Declared::Weight(weight) => RoleShare::Weight(weight),
        Declared::Count(count) => RoleShare::Count(count),
        Declared::Every(every) => RoleShare::Every(every.max(1)),
    }
}

/// `NAME=SHARE`, whose name the scenario must declare.
fn named_share(text: &str, description: &Description) -> Result<(String, RoleShare), Fault> {
    let remedy = "write NAME=3, NAME=30%, NAME=every:53 or NAME=weight:2";
    let (name, text) = parse::pair(text).map_err(|fault| Fault::new(fault.message, remedy))?;
    let names: Vec<&str> = description
        .roles
        .iter()
        .map(|role| role.name.as_str())
        .collect();
    if !names.contains(&name) {
        let remedy = match nearest(name, names.iter().copied()) {
            Some(similar) => format!("did you mean {similar}?"),
            None if names.is_empty() => "it has no roles at all; leave it out".to_owned(),
            None => format!("it has {}", names.join(", ")),
        };
        return Err(Fault::new(
            format!("the scenario {} has no role {name}", description.name),
            remedy,
        ));
    }
    Ok((name.to_owned(), share(text.trim(), remedy)?))
}

fn share(text: &str, remedy: &str) -> Result<RoleShare, Fault> {
    if text.ends_with('%') {
        return parse::percent(text).map(RoleShare::Percent);
    }
    let (kind, number) = text.split_once(':').unwrap_or(("count", text));
    let whole = parse::whole(number)
        .map_err(|_| Fault::new(format!("{number:?} is not a whole number"), remedy))?;
    match kind.trim() {
        "count" => Ok(RoleShare::Count(whole)),
        "every" if whole > 0 => Ok(RoleShare::Every(whole)),
        "every" => Err(Fault::new("every 0th user is nobody", remedy)),
        "weight" => u32::try_from(whole)
            .map(RoleShare::Weight)
            .map_err(|_| Fault::new("has too large a weight", remedy)),
        other => Err(Fault::new(format!("{other:?} is no kind of share"), remedy)),
    }
}

/// Whether every user gets a role, and no more is given away than there is.
fn fits(
    shares: &[(String, RoleShare)],
    crowd: Option<Crowd>,
    scenario: &ScenarioPlan,
) -> Result<(), Fault> {
    if shares.is_empty() {
        return Ok(());
    }
    let (mut fixed, mut percent, mut weights, mut nth) = (0_u64, 0.0, 0_u64, 0.0);
    let mut turns: Vec<u64> = Vec::new();
    for (name, share) in shares {
        if let RoleShare::Every(every) = *share {
            if let Some(first) = turns.iter().find(|first| every % **first == 0) {
                return Err(Fault::new(
                    format!(
                        "every {every}th user plays the role of each {first}th, and nobody {name}"
                    ),
                    "give the roles numbers of which none is a multiple of an earlier one",
                ));
            }
            turns.push(every);
        }
        match *share {
            RoleShare::Count(count) => fixed = fixed.saturating_add(count),
            RoleShare::Percent(share) => percent += share,
            RoleShare::Weight(weight) => weights += u64::from(weight),
            #[expect(clippy::cast_precision_loss, reason = "a share, shown to a percent")]
            RoleShare::Every(every) => nth += 1.0 / every as f64,
        }
    }
    for (sum, what) in [(percent, "percentages"), (nth * 100.0, "every-nth shares")] {
        if sum > 100.0 + PERCENT_SLACK {
            return Err(Fault::new(
                format!("the {what} of the roles are {sum:.0} % together"),
                "lower them to 100 % or less",
            ));
        }
    }
    let Some(crowd) = crowd else { return Ok(()) };
    let users = crowd.users;
    let written = scenario.written("users");
    if users < fixed {
        return Err(Fault::new(
            format!("{users} users are fewer than the {fixed} that the scenario's roles need"),
            format!("give {written} {fixed} or more"),
        ));
    }
    let rest = crowd.users_max.saturating_sub(fixed);
    let all = weights > 0 || percent >= 100.0 - PERCENT_SLACK || turns.contains(&1);
    if all || (rest == 0 && !crowd.is_churn) {
        return Ok(());
    }
    if percent > 0.0 {
        return Err(Fault::new(
            format!("the roles are for {percent:.0} % of the users; the others would have none"),
            "give another role the rest, as in NAME=weight:1",
        ));
    }
    let others = if crowd.is_churn {
        "those who replace them".to_owned()
    } else {
        format!("the other {rest}")
    };
    Err(Fault::new(
        format!("the scenario's roles are for {fixed} users; {others} would have none"),
        format!("give {written} {fixed}, or a role NAME=weight:1"),
    ))
}
