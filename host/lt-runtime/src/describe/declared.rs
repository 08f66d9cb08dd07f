//! How much a scenario may say of itself: what it says is kept, shown on pages and looked through with every setting that is given.

use lt_spec::description::{DataKind, Description, SteadyCondition};
use lt_spec::limits::{
    DECLARATIONS_MAX, DECLARED_DOC_BYTES_MAX, DECLARED_NAME_BYTES_MAX, DECLARED_VALUES_MAX,
};

use crate::component::LoadError;

/// Refuse a description that is too long in any part.
pub(super) fn check(found: Description) -> Result<Description, LoadError> {
    name("its name", &found.name)?;
    name("its version", &found.version)?;
    doc("its doc", &found.doc)?;
    counted("settings", found.settings.len(), DECLARATIONS_MAX)?;
    for setting in &found.settings {
        name("the name of a setting", &setting.name)?;
        doc("the doc of a setting", &setting.doc)?;
        let bounds = [&setting.default, &setting.minimum, &setting.maximum];
        values(bounds.into_iter().flatten().chain(&setting.allowed))?;
        counted(
            "values that a setting allows",
            setting.allowed.len(),
            DECLARED_VALUES_MAX,
        )?;
    }
    counted("roles", found.roles.len(), DECLARATIONS_MAX)?;
    for role in &found.roles {
        name("the name of a role", &role.name)?;
        doc("the doc of a role", &role.doc)?;
    }
    counted("metrics", found.metrics.len(), DECLARATIONS_MAX)?;
    for metric in &found.metrics {
        name("the name of a metric", &metric.name)?;
        doc("the doc of a metric", &metric.doc)?;
    }
    counted("data files", found.data.len(), DECLARATIONS_MAX)?;
    for data in &found.data {
        name("the name of a data file", &data.name)?;
        doc("the doc of a data file", &data.doc)?;
        if let DataKind::Feeder(fields) = &data.kind {
            counted("fields of a feeder", fields.len(), DECLARED_VALUES_MAX)?;
            values(fields.iter())?;
        }
    }
    if let Some(SteadyCondition::Check(check) | SteadyCondition::Gauge(check)) = &found.steady {
        name("the name of its steady condition", check)?;
    }
    Ok(found)
}

fn name(what: &str, text: &str) -> Result<(), LoadError> {
    sized(what, text, DECLARED_NAME_BYTES_MAX)
}

fn doc(what: &str, text: &str) -> Result<(), LoadError> {
    sized(what, text, DECLARED_DOC_BYTES_MAX)
}

fn values<'a>(mut texts: impl Iterator<Item = &'a String>) -> Result<(), LoadError> {
    texts.try_for_each(|text| name("a value", text))
}

fn sized(what: &str, text: &str, limit: usize) -> Result<(), LoadError> {
    if text.len() <= limit {
        return Ok(());
    }
    let what = format!("{what}, of {} bytes,", text.len());
    Err(LoadError::DescribesTooMuch { what, limit })
}

fn counted(what: &str, count: usize, limit: usize) -> Result<(), LoadError> {
    if count <= limit {
        return Ok(());
    }
    let what = format!("the number of its {what}, {count},");
    Err(LoadError::DescribesTooMuch { what, limit })
}

#[cfg(test)]
mod tests {
    use lt_spec::description::{
        DataDeclaration, MetricDeclaration, Role, RoleShare, Setting, SettingKind,
    };

    use super::*;

    fn setting() -> Setting {
        Setting {
            name: "url".to_owned(),
            doc: String::new(),
            kind: SettingKind::Text,
            default: None,
            allowed: Vec::new(),
            minimum: None,
            maximum: None,
            live: false,
        }
    }

    fn role() -> Role {
        Role {
            name: "r".to_owned(),
            doc: String::new(),
            share: RoleShare::Weight(1),
        }
    }

    fn feeder(fields: Vec<String>) -> DataDeclaration {
        DataDeclaration {
            name: "f".to_owned(),
            doc: String::new(),
            kind: DataKind::Feeder(fields),
            required: false,
        }
    }

    #[track_caller]
    fn refused(part: &str, description: Description) {
        match check(description).unwrap_err() {
            LoadError::DescribesTooMuch { what, .. } => assert!(what.contains(part), "{what}"),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_just_right_is_taken_as_it_is() {
        let description = Description {
            name: "n".repeat(DECLARED_NAME_BYTES_MAX),
            doc: "d".repeat(DECLARED_DOC_BYTES_MAX),
            settings: vec![setting(); DECLARATIONS_MAX],
            ..Description::default()
        };
        let taken = check(description).unwrap();
        assert_eq!(taken.settings.len(), DECLARATIONS_MAX);
        assert_eq!(taken.name.len(), DECLARED_NAME_BYTES_MAX);
    }

    #[test]
    fn every_part_has_a_bound() {
        let long = || "x".repeat(DECLARED_NAME_BYTES_MAX + 1);
        let book = || "x".repeat(DECLARED_DOC_BYTES_MAX + 1);
        let of = Description::default;
        let set = |change: &dyn Fn(&mut Setting)| {
            let mut setting = setting();
            change(&mut setting);
            vec![setting]
        };
        #[rustfmt::skip]
        let cases = [
            ("its name", Description { name: long(), ..of() }),
            ("its version", Description { version: long(), ..of() }),
            ("its doc", Description { doc: book(), ..of() }),
            ("number of its settings", Description { settings: vec![setting(); DECLARATIONS_MAX + 1], ..of() }),
            ("name of a setting", Description { settings: set(&|it| it.name = long()), ..of() }),
            ("doc of a setting", Description { settings: set(&|it| it.doc = book()), ..of() }),
            ("a value", Description { settings: set(&|it| it.default = Some(long())), ..of() }),
            ("a value", Description { settings: set(&|it| it.maximum = Some(long())), ..of() }),
            ("a value", Description { settings: set(&|it| it.allowed = vec![long()]), ..of() }),
            ("values that a setting allows", Description { settings: set(&|it| it.allowed = vec![String::new(); DECLARED_VALUES_MAX + 1]), ..of() }),
            ("number of its roles", Description { roles: vec![role(); DECLARATIONS_MAX + 1], ..of() }),
            ("doc of a role", Description { roles: vec![Role { doc: book(), ..role() }], ..of() }),
            ("fields of a feeder", Description { data: vec![feeder(vec![String::new(); DECLARED_VALUES_MAX + 1])], ..of() }),
            ("a value", Description { data: vec![feeder(vec![long()])], ..of() }),
            ("steady condition", Description { steady: Some(SteadyCondition::Check(long())), ..of() }),
        ];
        for (part, description) in cases {
            refused(part, description);
        }
        let metric = MetricDeclaration {
            name: long(),
            doc: String::new(),
            kind: lt_metrics::Kind::Counter,
            unit: lt_metrics::Unit::None,
        };
        let metrics = vec![metric];
        refused("name of a metric", Description { metrics, ..of() });
    }
}
