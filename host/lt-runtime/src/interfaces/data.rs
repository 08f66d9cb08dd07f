//! `lt:scenario/data`: assets and feeders lie in memory once, for all users; cursors and the store are shared.

use std::sync::Arc;

use bytes::Bytes;
use lt_data::{DataError, Feeder, Next, Order, UserPlace};
use lt_spec::limits::ASSET_READ_BYTES_MAX;
use lt_spec::seed;
use wasmtime::component::Resource;

use crate::bindings::data as wit;
use crate::bindings::data::{ErrorCode, Host, HostFeeder};
use crate::core::Common;
use crate::ctx::Taken;
use crate::interfaces::View;
use crate::limits::HANDLES_MAX;
use crate::trace::{traced, traced_async};

/// A feeder that the guest has open.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct FeederHandle {
    common: Arc<Common>,
    name: Arc<str>,
    order: Order,
}

impl FeederHandle {
    fn feeder(&self) -> Result<&Feeder, ErrorCode> {
        self.common
            .data
            .feeder(&self.name)
            .ok_or_else(|| no_such("feeder", &self.name, self.common.data.feeder_names()))
    }
}

impl From<DataError> for ErrorCode {
    fn from(error: DataError) -> Self {
        match error {
            DataError::NoSuch(text) => Self::NoSuch(text),
            DataError::Exhausted => Self::Exhausted,
            DataError::Conflict(text) => Self::Conflict(text),
            DataError::InvalidName(text) => Self::InvalidName(text),
            DataError::TooLarge(bytes) => Self::TooLarge(bytes),
            DataError::StoreFull => Self::StoreFull,
            DataError::Other(text) => Self::Other(text),
        }
    }
}

/// The run has no such file: says which it has, and how to give one.
fn no_such<'names>(kind: &str, name: &str, known: impl Iterator<Item = &'names str>) -> ErrorCode {
    let known: Vec<&str> = known.collect();
    let known = match known.as_slice() {
        [] => "none was given".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    ErrorCode::NoSuch(format!(
        "the run has no {kind} {name:?}: {known} (remedy: --{kind} {name}=FILE)"
    ))
}

/// How many records a user took of a feeder. Feeders of one user are few: a list is shorter than a table.
fn taken_of(taken: &Taken, feeder: &str) -> u64 {
    let taken = taken.borrow();
    let known = taken.iter().find(|(name, _)| **name == *feeder);
    known.map_or(0, |(_, count)| *count)
}

/// A user took one more.
fn took(taken: &Taken, feeder: Arc<str>) {
    let mut taken = taken.borrow_mut();
    match taken.iter_mut().find(|(name, _)| *name == feeder) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => taken.push((feeder, 1)),
    }
}

impl View<'_> {
    /// Where this user stands among all users of the run that read this feeder.
    fn data_place(&self, feeder: &str) -> UserPlace {
        let shares = &self.0.core().run.shares;
        shares.place(feeder, self.0.who.position)
    }
}

impl Host for View<'_> {
    fn asset_size(&mut self, name: String) -> wasmtime::Result<Result<u64, ErrorCode>> {
        traced!(self, "data.asset-size", (name), {
            let data = &self.0.core().run.common.data;
            Ok(match data.asset(&name) {
                Some(asset) => Ok(asset.len() as u64),
                None => Err(no_such("asset", &name, data.asset_names())),
            })
        })
    }

    fn asset_read(
        &mut self,
        name: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        traced!(self, "data.asset-read", (name, offset, length), {
            let data = &self.0.core().run.common.data;
            let Some(asset) = data.asset(&name) else {
                return Ok(Err(no_such("asset", &name, data.asset_names())));
            };
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = asset.get(start..).unwrap_or_default();
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let length = length.min(ASSET_READ_BYTES_MAX).min(rest.len());
            Ok(Ok(rest.get(..length).unwrap_or_default().to_vec()))
        })
    }

    async fn load(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, ErrorCode>> {
        traced_async!(self, "data.load", (key), {
            let answer = self.0.core().run.common.shared.load(&key);
            let value = answer.await.map_err(ErrorCode::from);
            Ok(value.map(|value| value.map(|bytes| bytes.to_vec())))
        })
    }

    async fn store(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced_async!(self, "data.store", (key, value), {
            let shared = &self.0.core().run.common.shared;
            let answer = shared.store(&key, Bytes::from(value));
            Ok(answer.await.map_err(ErrorCode::from))
        })
    }

    async fn compare_and_store(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, ErrorCode>> {
        traced_async!(self, "data.compare-and-store", (key, expected, value), {
            let shared = &self.0.core().run.common.shared;
            let expected = expected.map(Bytes::from);
            let answer = shared.compare_and_store(&key, expected, Bytes::from(value));
            Ok(answer.await.map_err(ErrorCode::from))
        })
    }

    async fn remove(&mut self, key: String) -> wasmtime::Result<Result<bool, ErrorCode>> {
        traced_async!(self, "data.remove", (key), {
            let answer = self.0.core().run.common.shared.remove(&key);
            Ok(answer.await.map_err(ErrorCode::from))
        })
    }
}

impl HostFeeder for View<'_> {
    fn open(
        &mut self,
        name: String,
        order: Option<wit::Order>,
    ) -> wasmtime::Result<Result<Resource<FeederHandle>, ErrorCode>> {
        traced!(self, "data.feeder.open", (name, order), {
            let common = self.0.core().run.common.clone();
            let opened = match common.data.feeder(&name) {
                Some(feeder) => feeder.open(order.map(plain)).map_err(ErrorCode::from),
                None => Err(no_such("feeder", &name, common.data.feeder_names())),
            };
            let order = match opened {
                Ok(order) => order,
                Err(error) => return Ok(Err(error)),
            };
            let handle = FeederHandle {
                name: name.into(),
                order,
                common,
            };
            Ok(self.0.table.push(handle).map_err(|_| {
                ErrorCode::Other(format!("a user may hold {HANDLES_MAX} handles; drop some"))
            }))
        })
    }

    fn fields(&mut self, handle: Resource<FeederHandle>) -> wasmtime::Result<Vec<String>> {
        traced!(self, "data.feeder.fields", (handle), {
            let feeder = self.0.table.get(&handle)?;
            Ok(feeder
                .feeder()
                .map(|feeder| feeder.fields().to_vec())
                .unwrap_or_default())
        })
    }

    fn size(&mut self, handle: Resource<FeederHandle>) -> wasmtime::Result<u64> {
        traced!(self, "data.feeder.size", (handle), {
            let feeder = self.0.table.get(&handle)?;
            Ok(feeder.feeder().map(Feeder::len).unwrap_or_default())
        })
    }

    async fn next(
        &mut self,
        handle: Resource<FeederHandle>,
    ) -> wasmtime::Result<Result<Vec<String>, ErrorCode>> {
        traced_async!(self, "data.feeder.next", (handle), {
            let open = self.0.table.get(&handle)?;
            let (common, name, order) = (open.common.clone(), open.name.clone(), open.order);
            let (place, seed) = (self.data_place(&name), self.0.who.seed);
            let taken = taken_of(self.0.taken(), &name);
            let Some(feeder) = common.data.feeder(&name) else {
                return Ok(Err(no_such("feeder", &name, common.data.feeder_names())));
            };
            let random = |bound: u64| draw(seed, &name, taken, bound);
            let at = match order.next(taken, place, feeder.len(), random) {
                Ok(Next::At(at)) => Ok(at),
                Ok(Next::Shared) => match common.shared.advance(&name).await {
                    Ok(n) => order.settle(n, feeder.len()),
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            Ok(match at {
                Ok(at) => {
                    let record = feeder.record(at).ok_or(ErrorCode::Exhausted);
                    took(self.0.taken(), name);
                    record
                }
                Err(error) => Err(error.into()),
            })
        })
    }

    fn at(
        &mut self,
        handle: Resource<FeederHandle>,
        index: u64,
    ) -> wasmtime::Result<Result<Vec<String>, ErrorCode>> {
        traced!(self, "data.feeder.at", (handle, index), {
            let open = self.0.table.get(&handle)?;
            Ok(open
                .feeder()
                .and_then(|feeder| feeder.record(index).ok_or(ErrorCode::Exhausted)))
        })
    }

    fn drop(&mut self, handle: Resource<FeederHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(handle)?;
        Ok(())
    }
}

/// A number below `bound`, the same for the same user, feeder and count in every run with the same seed.
fn draw(seed: u64, feeder: &str, taken: u64, bound: u64) -> u64 {
    seed::below(seed::nth(seed::of_name(seed, feeder), taken + 1), bound)
}

/// The contract's order as ours.
fn plain(order: wit::Order) -> Order {
    match order {
        wit::Order::Sequential => Order::Sequential,
        wit::Order::Circular => Order::Circular,
        wit::Order::Random => Order::Random,
        wit::Order::Unique => Order::Unique,
        wit::Order::Disjoint => Order::Disjoint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_stay_below_their_bound_and_differ() {
        let draws: Vec<u64> = (0..100)
            .map(|taken| draw(7, "accounts", taken, 10))
            .collect();
        assert!(draws.iter().all(|drawn| *drawn < 10));
        let again: Vec<u64> = (0..100)
            .map(|taken| draw(7, "accounts", taken, 10))
            .collect();
        assert_eq!(draws, again);
        let other: Vec<u64> = (0..100)
            .map(|taken| draw(8, "accounts", taken, 10))
            .collect();
        assert_ne!(draws, other);
        for digit in 0..10 {
            assert!(draws.contains(&digit), "{digit} is never drawn");
        }
    }

    #[test]
    fn records_are_counted_for_each_feeder() {
        let taken = Taken::default();
        for feeder in ["users", "users", "texts"] {
            took(&taken, feeder.into());
        }
        let counts = ["users", "texts", "others"].map(|feeder| taken_of(&taken, feeder));
        assert_eq!(counts, [2, 1, 0]);
    }

    #[test]
    fn a_file_that_is_missing_is_named_with_its_remedy() {
        let ErrorCode::NoSuch(text) = no_such("feeder", "people", ["users"].into_iter()) else {
            panic!("another error");
        };
        assert!(text.contains("there are users") && text.contains("--feeder people=FILE"));
    }
}
