//! Compiled filters and keys, one for all users of a core that ask for the same: see [`crate::sockets::patterns`].

use std::rc::Rc;

use lt_net::xmpp::{Filter, Filters, KeyPath};

use crate::sockets::patterns::{Interned, PatternError, check};

/// See the module.
#[derive(Default)]
pub(crate) struct FiltersOfCore {
    filters: Interned<Vec<Filter>, Filters>,
    /// By path and regular expression.
    keys: Interned<(String, Option<String>), KeyPath>,
}

impl FiltersOfCore {
    /// The compiled filters.
    ///
    /// # Errors
    /// If one makes no sense, or too many others are in use.
    pub(crate) fn filters(&mut self, asked: Vec<Filter>) -> Result<Rc<Filters>, PatternError> {
        check_all(&asked)?;
        self.filters.get(asked, |asked| compile(asked))
    }

    /// The compiled filters, for one look. Only what takes long to compile is kept: the others are as many as there are stanzas to wait
    /// for.
    ///
    /// # Errors
    /// As [`Self::filters`].
    pub(crate) fn filters_once(&mut self, asked: Vec<Filter>) -> Result<Rc<Filters>, PatternError> {
        if asked.iter().any(|filter| filter.regex.is_some()) {
            return self.filters(asked);
        }
        check_all(&asked)?;
        compile(&asked).map(Rc::new).map_err(PatternError::Invalid)
    }

    /// The compiled key.
    ///
    /// # Errors
    /// As [`Self::filters`].
    pub(crate) fn key(
        &mut self,
        path: String,
        regex: Option<String>,
    ) -> Result<Rc<KeyPath>, PatternError> {
        check("path", &path)?;
        check("regex", regex.as_deref().unwrap_or_default())?;
        self.keys.get((path, regex), |(path, regex)| {
            KeyPath::parse(path, regex.as_deref())
        })
    }
}

fn compile(asked: &[Filter]) -> Result<Filters, String> {
    Filters::new(asked.to_vec()).map_err(|error| format!("{}: {}", error.field, error.text))
}

fn check_all(asked: &[Filter]) -> Result<(), PatternError> {
    for filter in asked {
        for (field, text) in [
            ("name", &filter.name),
            ("kind", &filter.kind),
            ("from", &filter.from),
            ("id", &filter.id),
            ("namespace", &filter.namespace),
            ("payload", &filter.payload),
            ("contains", &filter.contains),
            ("regex", &filter.regex),
        ] {
            check(field, text.as_deref().unwrap_or_default())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lt_spec::limits::{PATTERN_BYTES_MAX, PATTERNS_MAX};

    use super::*;

    fn named(name: &str) -> Vec<Filter> {
        vec![Filter {
            name: Some(name.to_owned()),
            ..Filter::default()
        }]
    }

    fn finding(regex: &str) -> Vec<Filter> {
        vec![Filter {
            regex: Some(regex.to_owned()),
            ..Filter::default()
        }]
    }

    #[test]
    fn all_who_ask_for_the_same_share_one() {
        let mut known = FiltersOfCore::default();
        let one = known.filters(finding("id=\\d")).unwrap();
        let same = known.filters_once(finding("id=\\d")).unwrap();
        assert!(Rc::ptr_eq(&one, &same));
        let other = known.filters(finding("id=\\w")).unwrap();
        assert!(!Rc::ptr_eq(&one, &other));
        let path = || "{urn:xmpp:sid:0}origin-id@id".to_owned();
        let key = known.key(path(), None).unwrap();
        assert!(Rc::ptr_eq(&key, &known.key(path(), None).unwrap()));
    }

    #[test]
    fn those_in_use_are_bounded_and_one_look_takes_no_place() {
        let mut known = FiltersOfCore::default();
        let held: Vec<_> = (0..PATTERNS_MAX)
            .map(|number| known.filters(named(&format!("n{number}"))).unwrap())
            .collect();
        assert_eq!(
            known.filters(named("more")).unwrap_err(),
            PatternError::TooMany
        );
        assert!(known.filters_once(named("more")).is_ok());
        drop(held);
        assert!(known.filters(named("more")).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_said_by_its_field() {
        let mut known = FiltersOfCore::default();
        let long = "x".repeat(PATTERN_BYTES_MAX + 1);
        for (asked, field) in [
            (finding("("), "regex"),
            (finding(&long), "regex"),
            (named(&long), "name"),
        ] {
            let error = known.filters_once(asked).unwrap_err();
            assert!(
                matches!(&error, PatternError::Invalid(text) if text.starts_with(field)),
                "{error:?}"
            );
        }
    }
}
