//! What a pair says to each other through the coordination interface. The messages themselves lie on the server.

use lt_sdk::rand::Rng;

/// One word from partner to partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    /// Something lies on the server for you.
    Posted(Parcel),
    /// I fetched it, and it was what you sent, or not.
    Fetched {
        /// The message's id.
        id: String,
        /// Whether it was.
        intact: bool,
    },
    /// Are you there?
    Hello,
    /// I go.
    Bye,
}

/// Where a message lies, and how to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// The number that the server gave it.
    pub(crate) item: u64,
    /// Sum of its text.
    pub(crate) sum: u64,
    /// Its id, unique in the run.
    pub(crate) id: String,
}

impl Mail {
    /// As bytes: words between spaces, the id last.
    pub(crate) fn write(&self) -> String {
        match self {
            Self::Posted(Parcel { item, sum, id }) => format!("posted {item} {sum} {id}"),
            Self::Fetched { id, intact: true } => format!("fetched {id}"),
            Self::Fetched { id, intact: false } => format!("broken {id}"),
            Self::Hello => "hello".to_owned(),
            Self::Bye => "bye".to_owned(),
        }
    }

    /// From bytes; `None` if a partner would not have written them.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(bytes).ok()?.split(' ');
        let mail = match words.next()? {
            "posted" => Self::Posted(Parcel {
                item: words.next()?.parse().ok()?,
                sum: words.next()?.parse().ok()?,
                id: words.next()?.to_owned(),
            }),
            "fetched" => Self::Fetched {
                id: words.next()?.to_owned(),
                intact: true,
            },
            "broken" => Self::Fetched {
                id: words.next()?.to_owned(),
                intact: false,
            },
            "hello" => Self::Hello,
            "bye" => Self::Bye,
            _ => return None,
        };
        words.next().is_none().then_some(mail)
    }
}

/// Where a user meets its partner. Roles alternate, so that a sender and the user behind it make a pair.
pub(crate) fn place(sends: bool, id: u64, same_partner: bool) -> String {
    if !same_partner {
        return "pairs".to_owned();
    }
    let sender = if sends { id } else { id.saturating_sub(1) };
    format!("pair-{sender}")
}

/// The id of a message: unique in the run by user, iteration and number, and another in a run with another seed.
pub(crate) fn message_id(user: u64, iteration: u64, number: u32, rng: &mut Rng) -> String {
    format!("{user}-{iteration}-{number}-{:08x}", rng.next_u64() >> 32)
}

/// A text of this many letters and spaces, which no JSON has to escape.
pub(crate) fn text(bytes: usize, rng: &mut Rng) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz      ";
    let mut text = String::with_capacity(bytes);
    let mut bits = 0;
    for place in 0..bytes {
        // Twelve letters of five bits from each number.
        if place % 12 == 0 {
            bits = rng.next_u64();
        }
        text.push(char::from(LETTERS[(bits & 31) as usize]));
        bits >>= 5;
    }
    text
}

/// Sum of a text (FNV-1a, 64 bits): tells a message from any other.
pub(crate) fn sum(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_read_as_it_was_written() {
        let id = message_id(7, 3, 1, &mut Rng::new(1));
        let parcel = Parcel {
            item: 42,
            sum: u64::MAX,
            id: id.clone(),
        };
        let intact = |intact| Mail::Fetched {
            id: id.clone(),
            intact,
        };
        for mail in [
            Mail::Posted(parcel),
            intact(true),
            intact(false),
            Mail::Hello,
            Mail::Bye,
        ] {
            assert_eq!(Mail::read(mail.write().as_bytes()), Some(mail));
        }
    }

    #[test]
    fn what_no_partner_writes_is_refused() {
        for text in [
            "",
            "posted",
            "posted x 1 a",
            "posted 1 1 a b",
            "fetched",
            "bye bye",
            "good day",
        ] {
            assert_eq!(Mail::read(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Mail::read(&[0xff]), None);
    }

    #[test]
    fn messages_follow_from_the_seed_and_differ_otherwise() {
        let make = |seed| {
            let mut rng = Rng::new(seed);
            (message_id(1, 2, 3, &mut rng), text(100, &mut rng))
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        assert!(make(1).0.starts_with("1-2-3-"));
    }

    #[test]
    fn a_sender_and_the_user_behind_it_meet() {
        assert_eq!(place(true, 7, true), place(false, 8, true));
        assert_ne!(place(true, 7, true), place(false, 6, true));
        assert_eq!(place(true, 7, false), place(false, 2, false));
    }

    #[test]
    fn texts_have_their_length_and_all_letters() {
        for bytes in [0, 1, 12, 13, 8000] {
            assert_eq!(text(bytes, &mut Rng::new(9)).len(), bytes);
        }
        let long = text(8000, &mut Rng::new(9));
        assert!((b'a'..=b'z').all(|letter| long.contains(char::from(letter))));
        let written = lt_sdk::json::to_vec(&long).map(|json| json.len());
        assert_eq!(written.ok(), Some(8002));
    }

    #[test]
    fn sums_are_fnv_1a() {
        // From the reference's test vectors.
        assert_eq!(sum(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(sum("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(sum("foobar"), 0x8594_4171_f739_67e8);
    }
}
