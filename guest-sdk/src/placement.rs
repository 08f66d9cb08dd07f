//! Who talks to whom, and who is in which room, from the user's id alone: no user has to ask another.
//!
//! Ids count from 1, as lt-host's do, and so do rooms. Users stand in buckets of consecutive ids: of size 5, users 1 to 5 are
//! the first bucket, 6 to 10 the second. The rules are those of amoc's `bucket_neighbours`, `rooms_to_join` and
//! `rooms_to_create`, so that rooms which an earlier test left on a server have the same members and creators.
//!
//! # Rooms
//! With R rooms a user and U users a room, each bucket of U users has R rooms of its own, and all its users are in all of them:
//! bucket b (from 0) has rooms b·R + 1 to b·R + R. The room at place k (from 0) of its bucket is created by the user at place
//! k·U / R, rounded down if R is greater than U, and up if not; so one user creates at most one room more than another. A user
//! joins its rooms in their order, beginning at place p·R / U if it stands at place p itself, rounded the other way, and going on
//! with the bucket's first room after its last: the rooms that it creates come first. Where whoever enters first creates a room
//! (XMPP's MUC), this too spreads the creating, as long as the users of a bucket arrive together.
//!
//! With 3 rooms a user and 2 users a room (`C`: creates, `.`: joins only; the first that a user joins is its first `C`):
//!
//! ```text
//!          room 1 2 3 4 5 6
//! user 1        C C .
//! user 2        . . C
//! user 3              C C .
//! user 4              . . C
//! ```
//!
//! Every room is full if the number of users is a multiple of U and the lowest id stands at the beginning of a bucket, as 1
//! does; otherwise the rooms of the first or last bucket lack members, or their creator.

use std::ops::Range;

/// The other users of the user's bucket, in the order of their ids: `bucket_size - 1`, whoever asks. If one is a neighbour of
/// another, so is the other of the one. Empty for a size of 0.
///
/// ```
/// use lt_sdk::placement::bucket_neighbours;
///
/// assert!(bucket_neighbours(7, 5).eq([6, 8, 9, 10]));
/// ```
pub fn bucket_neighbours(id: u64, bucket_size: u32) -> impl Iterator<Item = u64> + Clone {
    let ids = Place::of(id, bucket_size).map_or(0..0, |place| place.share(bucket_size));
    ids.filter(move |&other| other != id)
}

/// The rooms that a user is in, in the order in which it should enter them: first those it creates. Empty if one of the numbers
/// is 0.
///
/// ```
/// use lt_sdk::placement::rooms_to_join;
///
/// assert!(rooms_to_join(1, 3, 2).eq([1, 2, 3]));
/// assert!(rooms_to_join(2, 3, 2).eq([3, 1, 2]));
/// assert!(rooms_to_join(3, 3, 2).eq([4, 5, 6]));
/// ```
pub fn rooms_to_join(
    id: u64,
    rooms_per_user: u32,
    users_per_room: u32,
) -> impl Iterator<Item = u64> + Clone {
    let (rooms, begin) = match Place::of(id, users_per_room) {
        Some(place) => (
            place.share(rooms_per_user),
            place.begin(rooms_per_user, users_per_room),
        ),
        None => (0..0, 0),
    };
    let begin = rooms.start.saturating_add(begin);
    (begin..rooms.end).chain(rooms.start..begin)
}

/// The rooms that a user creates: none, or some that follow each other, and the first of those it joins.
///
/// ```
/// use lt_sdk::placement::rooms_to_create;
///
/// assert_eq!(rooms_to_create(1, 3, 2), 1..3);
/// assert_eq!(rooms_to_create(2, 3, 2), 3..4);
/// assert!(rooms_to_create(2, 1, 5).is_empty());
/// ```
#[must_use]
pub fn rooms_to_create(id: u64, rooms_per_user: u32, users_per_room: u32) -> Range<u64> {
    let (rooms, users) = (u64::from(rooms_per_user), u64::from(users_per_room));
    let Some(place) = Place::of(id, users_per_room).filter(|_| rooms > 0) else {
        return 0..0;
    };
    let begin = place.begin(rooms_per_user, users_per_room);
    let number = if rooms > users {
        div(place.of_bucket.saturating_add(1) * rooms, users, true) - begin
    } else {
        u64::from(div(begin * users, rooms, true) == place.of_bucket)
    };
    let first = place.share(rooms_per_user).start.saturating_add(begin);
    first..first.saturating_add(number)
}

/// The users in a room, its creator included. Empty if one of the numbers is 0.
///
/// ```
/// use lt_sdk::placement::room_members;
///
/// assert_eq!(room_members(5, 3, 2), 3..5); // users 3 and 4
/// ```
#[must_use]
pub fn room_members(room: u64, rooms_per_user: u32, users_per_room: u32) -> Range<u64> {
    match Place::of(room, rooms_per_user) {
        // A bucket has as many rooms as a user, so that the room's number tells the bucket.
        Some(place) => place.share(users_per_room),
        None => 0..0,
    }
}

/// The user that creates a room; 0, which no user is, if one of the numbers is 0.
///
/// ```
/// use lt_sdk::placement::room_creator;
///
/// assert_eq!([1, 2, 3, 4].map(|room| room_creator(room, 3, 2)), [1, 1, 2, 3]);
/// ```
#[must_use]
pub fn room_creator(room: u64, rooms_per_user: u32, users_per_room: u32) -> u64 {
    let (rooms, users) = (u64::from(rooms_per_user), u64::from(users_per_room));
    let Some(place) = Place::of(room, rooms_per_user).filter(|_| users > 0) else {
        return 0;
    };
    let creator = div(place.of_bucket * users, rooms, rooms <= users);
    place.share(users_per_room).start.saturating_add(creator)
}

/// Where an id stands. The products below stay under 2^64, since their factors are below 2^32.
#[derive(Clone, Copy)]
struct Place {
    /// Number of the bucket, from 0.
    bucket: u64,
    /// Place in it, from 0.
    of_bucket: u64,
}

impl Place {
    /// `None` for buckets of nobody.
    fn of(id: u64, bucket_size: u32) -> Option<Self> {
        let index = id.saturating_sub(1);
        Some(Self {
            bucket: index.checked_div(u64::from(bucket_size))?,
            of_bucket: index.checked_rem(u64::from(bucket_size))?,
        })
    }

    /// What belongs to the bucket, users or rooms, if so many belong to each.
    fn share(self, per_bucket: u32) -> Range<u64> {
        let first = self.bucket.saturating_mul(u64::from(per_bucket));
        let first = first.saturating_add(1);
        first..first.saturating_add(u64::from(per_bucket))
    }

    /// The place among the bucket's rooms at which the user at this place begins.
    fn begin(self, rooms_per_user: u32, users_per_room: u32) -> u64 {
        let (rooms, users) = (u64::from(rooms_per_user), u64::from(users_per_room));
        div(self.of_bucket * rooms, users, rooms > users)
    }
}

/// A quotient, rounded up or down; 0 for a divisor of 0.
fn div(dividend: u64, divisor: u64, up: bool) -> u64 {
    let up = if up { divisor.saturating_sub(1) } else { 0 };
    dividend
        .saturating_add(up)
        .checked_div(divisor)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of numbers up to 12.
    fn sizes() -> impl Iterator<Item = (u32, u32)> {
        (1..=12).flat_map(|rooms| (1..=12).map(move |users| (rooms, users)))
    }

    #[test]
    fn every_room_is_full_and_every_user_is_in_as_many() {
        const BUCKETS: u64 = 4;
        for (rooms, users) in sizes() {
            let mut members = vec![Vec::new(); (BUCKETS * u64::from(rooms)) as usize];
            for id in 1..=BUCKETS * u64::from(users) {
                let mut joined: Vec<u64> = rooms_to_join(id, rooms, users).collect();
                for &room in &joined {
                    members[room as usize - 1].push(id);
                }
                joined.sort_unstable();
                joined.dedup();
                assert_eq!(joined.len(), rooms as usize, "{rooms} rooms, {users} users");
            }
            for (room, members) in (1..).zip(members) {
                assert_eq!(
                    members.len(),
                    users as usize,
                    "{rooms} rooms, {users} users"
                );
                assert!(room_members(room, rooms, users).eq(members));
            }
        }
    }

    #[test]
    fn every_room_has_one_creator_among_its_members() {
        const BUCKETS: u64 = 4;
        for (rooms, users) in sizes() {
            let mut creators = vec![0; (BUCKETS * u64::from(rooms)) as usize];
            for id in 1..=BUCKETS * u64::from(users) {
                for room in rooms_to_create(id, rooms, users) {
                    let creator = &mut creators[room as usize - 1];
                    assert_eq!(*creator, 0, "room {room} is created once");
                    *creator = id;
                }
            }
            for (room, creator) in (1..).zip(creators) {
                assert!(room_members(room, rooms, users).contains(&creator));
                assert_eq!(room_creator(room, rooms, users), creator);
            }
        }
    }

    #[test]
    fn users_create_as_many_rooms_as_each_other_and_join_those_first() {
        for (rooms, users) in sizes() {
            let created = |id| rooms_to_create(id, rooms, users);
            let numbers: Vec<_> = (1..=4 * u64::from(users))
                .map(|id| created(id).count())
                .collect();
            let (least, most) = (numbers.iter().min(), numbers.iter().max());
            assert!(*most.unwrap() - *least.unwrap() <= 1, "{rooms} {users}");
            for id in 1..=4 * u64::from(users) {
                let first = rooms_to_join(id, rooms, users).take(created(id).count());
                assert!(first.eq(created(id)), "{rooms} rooms, {users} users, {id}");
            }
        }
    }

    #[test]
    fn whoever_begins_in_a_room_does_not_come_before_its_creator() {
        for (rooms, users) in sizes() {
            for id in 1..=4 * u64::from(users) {
                let first = rooms_to_join(id, rooms, users).next().unwrap();
                assert!(room_creator(first, rooms, users) <= id, "{rooms} {users}");
            }
        }
    }

    #[test]
    fn the_rule_is_amocs() {
        // amoc's own examples, and its defaults: 10 rooms a user, 5 users a room.
        let joined: Vec<Vec<u64>> = (1..=4)
            .map(|id| rooms_to_join(id, 3, 2).collect())
            .collect();
        assert_eq!(joined, [[1, 2, 3], [3, 1, 2], [4, 5, 6], [6, 4, 5]]);
        assert_eq!(rooms_to_create(6, 10, 5), 11..13);
        assert!(rooms_to_join(7, 10, 5).eq([13, 14, 15, 16, 17, 18, 19, 20, 11, 12]));
        // Fewer rooms than users: the second of two rooms for five is the fourth user's.
        let creators = [1, 2, 3, 4].map(|room| room_creator(room, 2, 5));
        assert_eq!(creators, [1, 4, 6, 9]);
        assert!(rooms_to_join(3, 2, 5).eq([1, 2]));
        assert!(rooms_to_join(4, 2, 5).eq([2, 1]));
    }

    #[test]
    fn neighbours_are_neighbours_of_each_other() {
        for size in 1..=9 {
            for id in 1..=40 {
                let neighbours: Vec<_> = bucket_neighbours(id, size).collect();
                assert_eq!(neighbours.len() as u32, size - 1);
                for other in neighbours {
                    assert_ne!(other, id);
                    assert!(bucket_neighbours(other, size).any(|back| back == id));
                }
            }
        }
    }

    #[test]
    fn nobody_and_huge_numbers_do_no_harm() {
        assert_eq!(bucket_neighbours(7, 0).count(), 0);
        for (rooms, users) in [(0, 5), (5, 0), (0, 0)] {
            assert_eq!(rooms_to_join(7, rooms, users).count(), 0);
            assert!(rooms_to_create(7, rooms, users).is_empty());
            assert_eq!(room_creator(7, rooms, users), 0);
            assert!(room_members(7, rooms, users).is_empty());
        }
        for id in [0, 1, 1 << 53, u64::MAX] {
            assert!(rooms_to_create(id, u32::MAX, 1).end > 0);
            assert!(rooms_to_join(id, 1, u32::MAX).count() <= 1);
            assert!(room_creator(id, u32::MAX, u32::MAX) > 0);
            assert!(room_members(id, 1, u32::MAX).start > 0);
        }
    }
}
