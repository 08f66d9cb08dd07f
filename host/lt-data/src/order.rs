//! In which order records are handed out: arithmetic only, whoever keeps the cursors.

use std::fmt;
use std::str::FromStr;

use lt_spec::spec::FeederOrder;

use crate::DataError;

/// In which order a feeder's records are handed out: the contract's `data.order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each record once, to whichever user asks next, until none is left.
    Sequential,
    /// The same, from the beginning again after the last.
    Circular,
    /// Any record, drawn from the user's random numbers; never ends.
    Random,
    /// One record for each user, always the same one, by its position.
    Unique,
    /// Of N users each takes every N-th record, from its own position on, until none is left.
    Disjoint,
}

/// Where a user stands among all users that read a feeder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPlace {
    /// Its position among them, counted from 0; not its id, which may begin anywhere.
    pub position: u64,
    /// How many such users the run plans; at least 1.
    pub users: u64,
}

/// Where a user's next record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is the one at this position: no one else has to be asked.
    At(u64),
    /// Ask [`Shared::advance`](crate::Shared::advance), and give what it says to [`Order::settle`].
    Shared,
}

impl Order {
    /// Every order, in the contract's sequence.
    pub const ALL: [Self; 5] = [
        Self::Sequential,
        Self::Circular,
        Self::Random,
        Self::Unique,
        Self::Disjoint,
    ];

    /// Its name in flags and run files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Circular => "circular",
            Self::Random => "random",
            Self::Unique => "unique",
            Self::Disjoint => "disjoint",
        }
    }

    /// The next record of a user that took `taken` so far, of `len` records. `random` draws a number below its argument, and
    /// is asked only if the order is random.
    ///
    /// # Errors
    /// `Exhausted`: there is no record left for this user. A user beyond the planned number has no share of a disjoint
    /// feeder, since every record belongs to one of the planned ones.
    pub fn next(
        self,
        taken: u64,
        user: UserPlace,
        len: u64,
        random: impl FnOnce(u64) -> u64,
    ) -> Result<Next, DataError> {
        let last = len.checked_sub(1).ok_or(DataError::Exhausted)?;
        let at = match self {
            Self::Sequential | Self::Circular => return Ok(Next::Shared),
            Self::Random => random(len).min(last),
            Self::Unique => user.position,
            Self::Disjoint if user.position >= user.users => return Err(DataError::Exhausted),
            Self::Disjoint => taken
                .checked_mul(user.users)
                .and_then(|before| before.checked_add(user.position))
                .ok_or(DataError::Exhausted)?,
        };
        if at > last {
            return Err(DataError::Exhausted);
        }
        Ok(Next::At(at))
    }

    /// The record that the common cursor's value `n` stands for, of `len` records.
    ///
    /// # Errors
    /// `Exhausted`: the cursor is behind the last record, and the order does not begin again.
    pub fn settle(self, n: u64, len: u64) -> Result<u64, DataError> {
        match self {
            Self::Circular => n.checked_rem(len).ok_or(DataError::Exhausted),
            _ if n < len => Ok(n),
            _ => Err(DataError::Exhausted),
        }
    }
}

impl From<FeederOrder> for Order {
    fn from(order: FeederOrder) -> Self {
        match order {
            FeederOrder::Sequential => Self::Sequential,
            FeederOrder::Circular => Self::Circular,
            FeederOrder::Random => Self::Random,
            FeederOrder::Unique => Self::Unique,
            FeederOrder::Disjoint => Self::Disjoint,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no order has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no order of a feeder: one of sequential, circular, random, unique, disjoint is meant"
)]
pub struct UnknownOrder(pub String);

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        Self::ALL
            .into_iter()
            .find(|order| order.name() == text)
            .ok_or_else(|| UnknownOrder(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_random(_: u64) -> u64 {
        panic!("only the random order draws")
    }

    fn place(position: u64, users: u64) -> UserPlace {
        UserPlace { position, users }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for order in Order::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        let error = "shuffled".parse::<Order>().unwrap_err().to_string();
        assert!(error.contains("\"shuffled\"") && error.contains("disjoint"));
    }

    #[test]
    fn orders_of_all_users_ask_the_common_cursor() {
        for order in [Order::Sequential, Order::Circular] {
            assert_eq!(order.next(9, place(7, 2), 3, no_random), Ok(Next::Shared));
        }
        let settled = |order: Order| [0, 1, 2, 3, 7].map(|n| order.settle(n, 3).ok());
        assert_eq!(
            settled(Order::Sequential),
            [Some(0), Some(1), Some(2), None, None]
        );
        assert_eq!(
            settled(Order::Circular),
            [Some(0), Some(1), Some(2), Some(0), Some(1)]
        );
    }

    #[test]
    fn random_never_ends_and_never_leaves_the_records() {
        let next = |drawn: u64| Order::Random.next(1_000_000, place(5, 1), 3, move |_| drawn);
        assert_eq!(next(2), Ok(Next::At(2)));
        assert_eq!(next(3), Ok(Next::At(2)));
        let mut bound = 0;
        let drawn = Order::Random.next(0, place(0, 1), 3, |end| {
            bound = end;
            1
        });
        assert_eq!((drawn, bound), (Ok(Next::At(1)), 3));
    }

    #[test]
    fn unique_is_always_the_users_own() {
        let next = |taken, position| Order::Unique.next(taken, place(position, 2), 3, no_random);
        assert_eq!(next(0, 2), Ok(Next::At(2)));
        assert_eq!(next(9, 2), Ok(Next::At(2)));
        assert_eq!(next(0, 3), Err(DataError::Exhausted));
    }

    #[test]
    fn disjoint_shares_out_every_record_once() {
        for users in 1..7 {
            let mut owners = [0; 20];
            for position in 0..users + 2 {
                let mut taken = 0;
                while let Ok(Next::At(at)) =
                    Order::Disjoint.next(taken, place(position, users), 20, no_random)
                {
                    owners[at as usize] += 1;
                    taken += 1;
                }
            }
            assert!(owners.iter().all(|&owners| owners == 1), "{users} users");
        }
    }

    #[test]
    fn huge_numbers_and_no_records_are_exhausted() {
        for order in [Order::Unique, Order::Disjoint] {
            assert_eq!(
                order.next(u64::MAX, place(u64::MAX - 1, u64::MAX), 3, no_random),
                Err(DataError::Exhausted)
            );
        }
        for order in Order::ALL {
            assert_eq!(
                order.next(0, place(0, 1), 0, no_random),
                Err(DataError::Exhausted)
            );
            assert_eq!(order.settle(0, 0), Err(DataError::Exhausted));
        }
    }
}
