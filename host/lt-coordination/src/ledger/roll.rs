//! Who is to receive something that was sent to an audience, and who has it.

use std::sync::Arc;

/// What a receipt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It was expected.
    Received,
    /// This user has it already.
    Again,
    /// This user is not to receive it.
    Unexpected,
}

/// Members of an audience at one moment, sorted. Whatever is sent between two changes shares one.
pub(crate) type Members = Arc<Vec<u64>>;

/// A bit for each of 64 members. A member of neither is not expected, or not any more.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    missing: u64,
    received: u64,
}

/// Who is to receive one thing: two bits a member, since the members themselves are shared. A receipt takes a search and no memory.
#[derive(Debug)]
pub(crate) struct Roll {
    members: Members,
    marks: Box<[Marks]>,
    missing: u32,
    places: usize,
}

impl Roll {
    /// All these are to receive it, but this one if it is among them.
    pub(crate) fn new(members: Members, but: Option<u64>) -> Self {
        let mut marks = vec![Marks::default(); members.len().div_ceil(64)].into_boxed_slice();
        let mut left = members.len();
        for word in &mut marks {
            word.missing = match left {
                64.. => u64::MAX,
                _ => (1 << left) - 1,
            };
            left = left.saturating_sub(64);
        }
        let mut roll = Self {
            // The number of members is bounded far below.
            missing: u32::try_from(members.len()).unwrap_or(u32::MAX),
            places: members.len(),
            members,
            marks,
        };
        if let Some(user) = but
            && roll.release(user)
        {
            roll.places -= 1;
        }
        roll
    }

    /// How many have not received it.
    pub(crate) fn missing(&self) -> u32 {
        self.missing
    }

    /// How many were to receive it when it was sent: what it takes of the room for receipts.
    pub(crate) fn places(&self) -> usize {
        self.places
    }

    /// This user has received it.
    pub(crate) fn receive(&mut self, user: u64) -> Mark {
        let Some((word, bit)) = self.find(user) else {
            return Mark::Unexpected;
        };
        if word.received & bit != 0 {
            return Mark::Again;
        }
        if word.missing & bit == 0 {
            return Mark::Unexpected;
        }
        word.missing &= !bit;
        word.received |= bit;
        self.missing -= 1;
        Mark::Received
    }

    /// This user is not to receive it any more. Returns whether it was missing.
    pub(crate) fn release(&mut self, user: u64) -> bool {
        let Some((word, bit)) = self.find(user) else {
            return false;
        };
        if word.missing & bit == 0 {
            return false;
        }
        word.missing &= !bit;
        self.missing -= 1;
        true
    }

    fn find(&mut self, user: u64) -> Option<(&mut Marks, u64)> {
        let index = self.members.binary_search(&user).ok()?;
        let word = self.marks.get_mut(index / 64)?;
        Some((word, 1 << (index % 64)))
    }
}
