//! Which part of a feeder falls to which scenario: where the users of each stand among all users that read it.

use crate::UserPlace;

/// What has to be known of a scenario to share out feeders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// Users that it plans to have at a time, at most.
    pub users: u64,
    /// Whether it can read data at all.
    pub reads: bool,
    /// The feeders that it declares.
    pub feeders: Vec<String>,
}

/// The users of one scenario among all users that read one feeder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    /// Planned users of the scenarios before it.
    before: u64,
    /// Planned users of its own.
    users: u64,
    /// How many scenarios read the feeder, and which of them it is.
    readers: u64,
    nth: u64,
}

/// The part that falls to one scenario of each feeder. Scenarios that declare a feeder read it; one that nobody declares is read
/// by all that can read data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// By feeder: planned users of all that read it, and this scenario's part, if it has one.
    by_feeder: Vec<(String, u64, Option<Share>)>,
}

impl Shares {
    /// The shares of each of the run's scenarios, in their order.
    #[must_use]
    pub fn of<'names>(
        readers: &[Reader],
        feeders: impl IntoIterator<Item = &'names str>,
    ) -> Vec<Self> {
        let mut shares = vec![Self::default(); readers.len()];
        for feeder in feeders {
            let declares = |reader: &Reader| reader.feeders.iter().any(|name| name == feeder);
            let is_declared = readers.iter().any(declares);
            let reads = |reader: &Reader| {
                if is_declared {
                    declares(reader)
                } else {
                    reader.reads
                }
            };
            let reading = readers.iter().filter(|reader| reads(reader));
            let total = reading
                .clone()
                .map(|reader| reader.users)
                .fold(0, u64::saturating_add);
            let mut next = Share {
                before: 0,
                users: 0,
                readers: reading.count() as u64,
                nth: 0,
            };
            for (reader, shares) in readers.iter().zip(&mut shares) {
                let share = reads(reader).then(|| {
                    let users = reader.users;
                    let share = Share { users, ..next };
                    next.before = next.before.saturating_add(users);
                    next.nth += 1;
                    share
                });
                shares.by_feeder.push((feeder.to_owned(), total, share));
            }
        }
        shares
    }

    /// Where the scenario's user at this position stands among all users that read the feeder. Planned users come first, each
    /// scenario's in a block of its own; those beyond the plan come behind all of these, the scenarios' in turn, so that no two
    /// stand in the same place. Users of a scenario that does not read the feeder stand behind everyone.
    #[must_use]
    pub fn place(&self, feeder: &str, position: u64) -> UserPlace {
        let known = self.by_feeder.iter().find(|(name, ..)| name == feeder);
        let Some((_, total, Some(share))) = known else {
            return UserPlace {
                position: u64::MAX,
                users: known.map_or(1, |(_, total, _)| (*total).max(1)),
            };
        };
        let position = match position.checked_sub(share.users) {
            None => share.before.saturating_add(position),
            Some(beyond) => beyond
                .saturating_mul(share.readers)
                .saturating_add(share.nth)
                .saturating_add(*total),
        };
        UserPlace {
            position,
            users: (*total).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(users: u64, reads: bool, feeders: &[&str]) -> Reader {
        Reader {
            users,
            reads,
            feeders: feeders.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn positions(shares: &Shares, feeder: &str, of: std::ops::Range<u64>) -> Vec<u64> {
        of.map(|position| shares.place(feeder, position).position)
            .collect()
    }

    #[test]
    fn only_those_who_declare_a_feeder_share_it() {
        let readers = [
            reader(3, true, &["accounts"]),
            reader(100, true, &[]),
            reader(2, true, &["accounts", "texts"]),
        ];
        let shares = Shares::of(&readers, ["accounts", "texts"]);
        assert_eq!(positions(&shares[0], "accounts", 0..3), [0, 1, 2]);
        assert_eq!(positions(&shares[2], "accounts", 0..2), [3, 4]);
        assert_eq!(positions(&shares[2], "texts", 0..2), [0, 1]);
        assert_eq!(shares[0].place("accounts", 0).users, 5);
        assert_eq!(shares[2].place("texts", 0).users, 2);
        // Who did not say that it reads it has no part.
        for (scenario, feeder) in [(0, "texts"), (1, "accounts"), (1, "unknown")] {
            let place = shares[scenario].place(feeder, 0);
            assert!(place.position >= place.users, "{scenario} {feeder}");
            assert_eq!(place.position, u64::MAX);
        }
    }

    #[test]
    fn what_nobody_declares_is_shared_by_all_that_read() {
        let readers = [
            reader(3, true, &[]),
            reader(100, false, &[]),
            reader(2, true, &["other"]),
        ];
        let shares = Shares::of(&readers, ["accounts"]);
        assert_eq!(positions(&shares[0], "accounts", 0..3), [0, 1, 2]);
        assert_eq!(positions(&shares[2], "accounts", 0..2), [3, 4]);
        assert_eq!(shares[1].place("accounts", 0).position, u64::MAX);
    }

    #[test]
    fn users_beyond_the_plan_take_no_others_place() {
        let readers = [
            reader(3, true, &["a"]),
            reader(0, true, &["a"]),
            reader(4, true, &["a"]),
        ];
        let shares = Shares::of(&readers, ["a"]);
        let mut all: Vec<u64> = (0..3)
            .flat_map(|scenario| {
                let planned = readers[scenario].users;
                positions(&shares[scenario], "a", 0..planned + 50)
            })
            .collect();
        all.sort_unstable();
        // No gaps either, as long as all have as many.
        assert_eq!(all, (0..7 + 150).collect::<Vec<_>>());
        assert_eq!(positions(&shares[0], "a", 2..5), [2, 7, 10]);
        assert_eq!(shares[2].place("a", 100).users, 7);
    }

    #[test]
    fn huge_numbers_stay_behind_everyone() {
        let readers = [reader(u64::MAX, true, &[]), reader(u64::MAX, true, &[])];
        let shares = Shares::of(&readers, ["a"]);
        let place = shares[1].place("a", u64::MAX);
        assert_eq!((place.position, place.users), (u64::MAX, u64::MAX));
        assert_eq!(
            Shares::of(&[reader(0, true, &[])], ["a"])[0]
                .place("a", 0)
                .users,
            1
        );
    }
}
