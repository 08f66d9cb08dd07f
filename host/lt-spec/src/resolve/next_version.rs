//! The settings of another version of a scenario that runs.

use std::collections::BTreeMap;

use super::Problems;
use super::setting_value::check;
use super::settings::{find, shown, unknown};
use crate::description::Description;
use crate::parse::Fault;
use crate::problem::Problem;

/// Every setting that another version of a running scenario declares, with its value: what is given now; else what the running
/// version was given, if the new one still declares it; else its default. A value that is merely the running version's default
/// gives way to the new version's own.
///
/// # Errors
/// All that is wrong, as problems of `settings.NAME`: what is required and missing, what is not declared, and values that the new
/// version does not allow. Secrets are not shown.
pub fn settings_of_next(
    (before, running): (&Description, &BTreeMap<String, String>),
    next: &Description,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut problems = Problems::default();
    for name in given.keys() {
        if find(next, name).is_none() {
            problems.add(&field(name), "", unknown(name, &[next]));
        }
    }
    let mut values = BTreeMap::new();
    for setting in &next.settings {
        let name = &setting.name;
        let kept = running.get(name);
        let was_given = find(before, name).is_none_or(|before| before.default.as_ref() != kept);
        let value = given
            .get(name)
            .or(kept.filter(|_| was_given))
            .or(setting.default.as_ref())
            .or(kept);
        let Some(value) = value else {
            let fault = Fault::new(
                format!("the new version requires it: {}", setting.doc),
                format!("give the swap a value for {name}"),
            );
            problems.add(&field(name), "", fault);
            continue;
        };
        if let Err(fault) = check(setting, value) {
            problems.add(&field(name), &shown(setting, value), fault);
        }
        values.insert(name.clone(), value.clone());
    }
    problems.unless_any(Some(values))
}

fn field(name: &str) -> String {
    format!("settings.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::{Setting, SettingKind};

    fn setting(name: &str, kind: SettingKind, default: Option<&str>) -> Setting {
        Setting {
            name: name.to_owned(),
            doc: "something".to_owned(),
            kind,
            default: default.map(str::to_owned),
            allowed: Vec::new(),
            minimum: None,
            maximum: None,
            live: true,
        }
    }

    fn described(settings: Vec<Setting>) -> Description {
        Description {
            name: "shop".to_owned(),
            settings,
            ..Description::default()
        }
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    use SettingKind::{Integer, Secret, Text};

    #[test]
    fn what_was_given_is_kept_and_defaults_are_the_new_versions() {
        let before = described(vec![
            setting("url", Text, None),
            setting("pace", Integer, Some("1")),
            setting("depth", Integer, Some("1")),
            setting("gone", Text, Some("x")),
            setting("firm", Integer, Some("4")),
        ]);
        let running = values(&[
            ("url", "http://a"),
            ("pace", "1"),
            ("depth", "9"),
            ("gone", "y"),
            ("firm", "4"),
        ]);
        let next = described(vec![
            setting("url", Text, None),
            setting("pace", Integer, Some("2")),
            setting("depth", Integer, Some("2")),
            setting("new", Integer, Some("3")),
            setting("firm", Integer, None),
        ]);
        let given = values(&[("new", "5")]);
        assert_eq!(
            settings_of_next((&before, &running), &next, &given).unwrap(),
            values(&[
                ("url", "http://a"),
                ("pace", "2"),
                ("depth", "9"),
                ("new", "5"),
                ("firm", "4"),
            ])
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_no_secret_shown() {
        let before = described(vec![setting("url", Text, None), setting("key", Text, None)]);
        let running = values(&[("url", "http://a"), ("key", "hunter2")]);
        let mut key = setting("key", Secret, None);
        key.allowed = vec!["other".to_owned()];
        let next = described(vec![
            setting("url", Integer, None),
            key,
            setting("account", Text, None),
        ]);
        let given = values(&[("accuont", "x")]);
        let problems = settings_of_next((&before, &running), &next, &given).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| &*problem.field).collect();
        assert_eq!(
            fields,
            [
                "settings.accuont",
                "settings.url",
                "settings.key",
                "settings.account"
            ]
        );
        assert!(
            problems
                .iter()
                .all(|problem| !format!("{problem}").contains("hunter2"))
        );
    }
}
