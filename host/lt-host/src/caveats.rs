//! What is odd about a run that can start: told before it does.

use lt_data::{DataSet, Order};
use lt_runtime::Scenario;
use lt_spec::description::{DataDeclaration, DataKind, Description};
use lt_spec::spec::{RunSpec, ScenarioSpec};

use crate::load_text::{users, users_started};
use crate::prepare::Prepared;
use crate::show::{plain, time};

/// Everything that is odd about a run.
pub(crate) fn caveats_of(prepared: &Prepared) -> Vec<String> {
    let descriptions: Vec<&Description> = prepared
        .scenarios
        .iter()
        .map(Scenario::description)
        .collect();
    let spec = &prepared.spec;
    let mut caveats: Vec<String> = spec.scenarios.iter().filter_map(late_users).collect();
    caveats.extend(data_unread(spec, &descriptions));
    caveats.extend(records_short(spec, &descriptions, &prepared.data));
    caveats
}

/// Users whose turn to start comes after the end.
fn late_users(spec: &ScenarioSpec) -> Option<String> {
    let asked = spec.load.users_max();
    let never = asked.checked_sub(users_started(&spec.load))?;
    (never > 0).then(|| {
        format!(
            "{}: {never} of {} never start: the load ends after {} (remedy: a longer --duration, or a shorter --interarrival)",
            plain(&spec.name),
            users(asked),
            time(spec.load.length().unwrap_or_default())
        )
    })
}

/// Files that no scenario declares, while it declares others: their names may be misspelt.
fn data_unread(spec: &RunSpec, descriptions: &[&Description]) -> Vec<String> {
    let declared = |is_feeder: bool| -> Vec<&str> {
        descriptions
            .iter()
            .flat_map(|description| &description.data)
            .filter(|declaration| is_feeder == feeds(declaration))
            .map(|declaration| declaration.name.as_str())
            .collect()
    };
    let assets = spec.data.assets.iter().map(|(name, _)| name);
    let feeders = spec.data.feeders.iter().map(|feeder| &feeder.name);
    let given = assets
        .map(|name| ("asset", name, declared(false)))
        .chain(feeders.map(|name| ("feeder", name, declared(true))));
    given
        .filter(|(_, name, declared)| !declared.is_empty() && !declared.contains(&name.as_str()))
        .map(|(kind, name, mut declared)| {
            declared.sort_unstable();
            declared.dedup();
            format!(
                "no scenario declares the {kind} {}; declared: {}",
                plain(name),
                plain(&declared.join(", "))
            )
        })
        .collect()
}

fn feeds(declaration: &DataDeclaration) -> bool {
    matches!(declaration.kind, DataKind::Feeder(_))
}

/// Feeders with a record for each user, but not for all of them.
fn records_short(spec: &RunSpec, descriptions: &[&Description], data: &DataSet) -> Vec<String> {
    let mut short = Vec::new();
    for given in &spec.data.feeders {
        let Some(feeder) = data.feeder(&given.name) else {
            continue;
        };
        if feeder.order() != Some(Order::Unique) {
            continue;
        }
        let records = feeder.len();
        for (scenario, description) in spec.scenarios.iter().zip(descriptions) {
            let reads = |declaration: &&DataDeclaration| declaration.name == given.name;
            // A scenario need not declare what it reads; one that declares other data only reads that.
            let is_reader =
                description.data.is_empty() || description.data.iter().any(|it| reads(&it));
            let asked = scenario.load.users_max();
            if is_reader && asked > records {
                short.push(format!(
                    "{}: the feeder {} has {records} records for {}: {} will get none",
                    plain(&scenario.name),
                    plain(&given.name),
                    users(asked),
                    asked - records
                ));
            }
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use lt_data::FeederFile;
    use lt_spec::{RawRun, resolve};

    use super::*;
    use crate::process::testing::fake;

    fn declared(name: &str) -> Description {
        Description {
            name: "shop".to_owned(),
            data: vec![DataDeclaration {
                name: name.to_owned(),
                doc: String::new(),
                kind: DataKind::Feeder(Vec::new()),
                required: false,
            }],
            ..Description::default()
        }
    }

    fn spec(raw: &RawRun, description: &Description) -> RunSpec {
        let (process, _) = fake(&[]);
        resolve(raw, description, &crate::machine::of_run(&process)).unwrap()
    }

    fn raw(users: &str, feeder: &str) -> RawRun {
        RawRun {
            users: Some(users.to_owned()),
            duration: Some("10s".to_owned()),
            feeders: vec![feeder.to_owned()],
            ..RawRun::default()
        }
    }

    #[test]
    fn users_that_come_after_the_end_are_told() {
        let late = |users: &str, interarrival: &str| {
            let raw = RawRun {
                interarrival: Some(interarrival.to_owned()),
                ..raw(users, "people=people.csv")
            };
            late_users(&spec(&raw, &declared("people")).scenarios[0])
        };
        let told = late("100", "1s").unwrap();
        assert!(
            told.starts_with("shop: 90 of 100 users never start: the load ends after 10s"),
            "{told}"
        );
        assert_eq!(late("10", "1s"), None);
        assert_eq!(late("100", "0s"), None);
    }

    #[test]
    fn a_misspelt_feeder_is_told_where_others_are_declared() {
        let description = declared("accounts");
        let misspelt = spec(&raw("1", "acounts=a.csv"), &description);
        assert_eq!(
            data_unread(&misspelt, &[&description]),
            ["no scenario declares the feeder acounts; declared: accounts"]
        );
        let right = spec(&raw("1", "accounts=a.csv"), &description);
        assert!(data_unread(&right, &[&description]).is_empty());
        let silent = Description::default();
        assert!(data_unread(&misspelt, &[&silent]).is_empty());
    }

    #[test]
    fn records_that_do_not_reach_all_users_are_told() {
        let path = std::env::temp_dir().join(format!("lt-host-few-{}.csv", std::process::id()));
        std::fs::write(&path, "name\nanna\nberta\n").unwrap();
        let description = declared("people");
        let short = |users: &str, order: &str| {
            let feeder = format!("people={}{order}", path.display());
            let spec = spec(&raw(users, &feeder), &description);
            let feeders: Vec<FeederFile> = spec.data.feeders.iter().map(FeederFile::from).collect();
            let data = DataSet::load(&[], &feeders).unwrap();
            records_short(&spec, &[&description], &data)
        };
        assert_eq!(
            short("5", ":unique"),
            ["shop: the feeder people has 2 records for 5 users: 3 will get none"]
        );
        assert!(short("2", ":unique").is_empty());
        assert!(short("5", ":circular").is_empty());
        std::fs::remove_file(&path).unwrap();
    }
}
