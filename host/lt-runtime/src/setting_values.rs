//! The values of a scenario's settings while its users run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

/// The settings of one scenario, of which live ones may change while users run.
pub struct Settings {
    values: ArcSwap<BTreeMap<String, String>>,
    revision: AtomicU64,
}

impl Settings {
    pub(crate) fn new(values: BTreeMap<String, String>) -> Self {
        Self {
            values: ArcSwap::from_pointee(values),
            revision: AtomicU64::new(0),
        }
    }

    /// Give a setting a new value, which must have been checked. Users see it at their next look.
    pub fn set(&self, name: &str, value: &str) {
        self.values.rcu(|values| {
            let mut values = BTreeMap::clone(values);
            values.insert(name.to_owned(), value.to_owned());
            values
        });
        self.revision.fetch_add(1, Ordering::Release);
    }

    /// A setting's present value.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        self.values.load().get(name).cloned()
    }

    /// The present values of all.
    #[must_use]
    pub fn values(&self) -> Arc<BTreeMap<String, String>> {
        self.values.load_full()
    }

    /// Changes with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }
}
