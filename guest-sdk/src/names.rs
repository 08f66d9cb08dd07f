//! Names and passwords of users, the same in every run: accounts that one run registers, the next one uses.
//!
//! All follow from the user's id, and where they look random, from a seed that the scenario chooses. They are no secrets.

use crate::rand::Rng;
use crate::{Error, Result};

/// Longest number that a template may ask for: the largest id has as many digits.
const DIGITS_MAX: usize = 20;

/// Keeps the random numbers of people apart from those of passwords of the same seed.
const PEOPLE: u64 = 0x7065_6f70_6c65;

/// One text each instead of a table of texts: a table would cost every user as much again.
const FIRST_NAMES: &str = "Ada Alan Amir Anna Ben Carla Chen Clara David Elena Emil Emma Farid Grace Hana Hugo Ines Ivan Jonas Julia Kofi Lena Liam Lucia Marta Mia Noah Olga Omar Priya Sofia Tomas";
const LAST_NAMES: &str = "Abbas Adams Bauer Berg Costa Diaz Dubois Evans Fischer Garcia Haas Hansen Ito Jansen Khan Kim Klein Lopez Meyer Moreau Nowak Okafor Park Patel Reyes Rossi Sato Silva Smith Vogel Wang Weber";
const NAMES: u64 = 32;

/// A prefix and the user's id.
///
/// ```
/// assert_eq!(lt_sdk::names::user_name("user_", 17), "user_17");
/// ```
#[must_use]
pub fn user_name(prefix: &str, id: u64) -> String {
    let mut name = String::with_capacity(prefix.len() + DIGITS_MAX);
    name.push_str(prefix);
    push_number(&mut name, id, 0);
    name
}

/// A password of this many letters and digits, without those that look alike. From a length of 3 on it has a capital, a small
/// letter and a digit, which many servers ask for.
///
/// Take a seed that is part of the scenario or a setting, not [`user::seed`](crate::user::seed), if the next run, whatever its
/// seed, is to log in with the same password.
///
/// ```
/// use lt_sdk::names::password;
///
/// assert_eq!(password(1, 17, 12), password(1, 17, 12));
/// assert_ne!(password(1, 17, 12), password(1, 18, 12));
/// ```
#[must_use]
pub fn password(seed: u64, id: u64, len: usize) -> String {
    const CAPITALS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
    const SMALL: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
    const DIGITS: &[u8] = b"23456789";
    const ANY: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut rng = Rng::for_iteration(seed, id);
    let mut password = String::with_capacity(len);
    for index in 0..len {
        let letters = match index {
            0 => CAPITALS,
            1 => SMALL,
            2 => DIGITS,
            _ => ANY,
        };
        if let Some(&letter) = rng.pick(letters) {
            password.push(char::from(letter));
        }
    }
    password
}

/// Somebody's name, as [`person`] makes it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The first name.
    pub first: &'static str,
    /// The last name.
    pub last: &'static str,
}

impl Person {
    /// First and last name.
    ///
    /// ```
    /// let person = lt_sdk::names::Person { first: "Ada", last: "Berg" };
    /// assert_eq!(person.full(), "Ada Berg");
    /// ```
    #[must_use]
    pub fn full(&self) -> String {
        [self.first, " ", self.last].concat()
    }
}

/// A name that looks like a person's, for forms that ask for one. There are 1 024 of them: what has to be unique needs the id too.
///
/// ```
/// use lt_sdk::names::{person, user_name};
///
/// let person = person(1, 17);
/// let account = user_name(person.first, 17);
/// assert!(account.ends_with("17"));
/// ```
#[must_use]
pub fn person(seed: u64, id: u64) -> Person {
    let mut rng = Rng::for_iteration(seed ^ PEOPLE, id);
    let mut pick = |names: &'static str| {
        let index = rng.below(NAMES) as usize;
        names.split(' ').nth(index).unwrap_or_default()
    };
    Person {
        first: pick(FIRST_NAMES),
        last: pick(LAST_NAMES),
    }
}

/// A template for names, such as a setting holds: `user_{id}@example.org`. `{id}` stands for the user's id, `{id:06}` for the id with
/// zeros before it, six digits at least.
///
/// ```
/// use lt_sdk::names::Numbered;
///
/// let logins = Numbered::new("user_{id:06}@host-{id}.example.org")?;
/// assert_eq!(logins.name(17), "user_000017@host-17.example.org");
/// # Ok::<(), lt_sdk::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered<'t>(&'t str);

impl<'t> Numbered<'t> {
    /// A template.
    ///
    /// # Errors
    /// It has no `{id}`, so that all users would have the same name, or another brace, or asks for more than 20 digits.
    ///
    /// ```
    /// use lt_sdk::names::Numbered;
    ///
    /// assert!(Numbered::new("user_{id}").is_ok());
    /// assert!(Numbered::new("user_{name}").is_err());
    /// ```
    pub fn new(template: &'t str) -> Result<Self> {
        let mut numbers = 0;
        let whole = each_part(template, |_, width| numbers += u32::from(width.is_some()));
        if whole && numbers > 0 {
            return Ok(Self(template));
        }
        let mut message =
            String::from("a template for names holds {id} or {id:06}, and no other brace: ");
        message.push_str(template);
        Err(Error::msg(message))
    }

    /// The name of the user with this id.
    ///
    /// ```
    /// # use lt_sdk::names::Numbered;
    /// assert_eq!(Numbered::new("fan-{id}")?.name(3), "fan-3");
    /// # Ok::<(), lt_sdk::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self, id: u64) -> String {
        let mut name = String::with_capacity(self.0.len() + DIGITS_MAX);
        self.push(&mut name, id);
        name
    }

    /// Put the name behind a text, for whoever keeps one to write into.
    ///
    /// ```
    /// # use lt_sdk::names::Numbered;
    /// let mut url = String::from("/people/");
    /// Numbered::new("user_{id}")?.push(&mut url, 3);
    /// assert_eq!(url, "/people/user_3");
    /// # Ok::<(), lt_sdk::Error>(())
    /// ```
    pub fn push(&self, text: &mut String, id: u64) {
        each_part(self.0, |plain, width| {
            text.push_str(plain);
            if let Some(width) = width {
                push_number(text, id, width);
            }
        });
    }
}

/// Call `part` for each piece of a template: a plain text, and how many digits the id after it has, if one follows. False as
/// soon as a brace is none of an id's.
fn each_part(template: &str, mut part: impl FnMut(&str, Option<usize>)) -> bool {
    let mut rest = template;
    while let Some((plain, after)) = rest.split_once('{') {
        let Some((inner, after)) = after.split_once('}') else {
            return false;
        };
        let Some(width) = width_of(inner).filter(|_| !plain.contains('}')) else {
            return false;
        };
        part(plain, Some(width));
        rest = after;
    }
    part(rest, None);
    !rest.contains('}')
}

/// The digits that `id` or `id:06` asks for.
fn width_of(inner: &str) -> Option<usize> {
    let digits = match inner.strip_prefix("id")? {
        "" => return Some(0),
        width => width.strip_prefix(":0")?,
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|&width| width <= DIGITS_MAX)
}

/// A number behind a text, with zeros before it to at least this width. Without the standard formatting, which touches pages
/// that a user may otherwise never need.
fn push_number(text: &mut String, number: u64, width: usize) {
    let (mut power, mut digits): (u64, usize) = (1, 1);
    while let Some(next) = power.checked_mul(10).filter(|&next| next <= number) {
        power = next;
        digits += 1;
    }
    for _ in digits..width {
        text.push('0');
    }
    while power > 0 {
        text.push(char::from(b'0' + (number / power % 10) as u8));
        power /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_does() {
        for number in [0, 1, 9, 10, 99, 100, 1_234_567_890, 1 << 53, u64::MAX] {
            assert_eq!(user_name("u", number), format!("u{number}"));
            let template = Numbered::new("{id:012}").unwrap();
            assert_eq!(template.name(number), format!("{number:012}"));
        }
    }

    #[test]
    fn templates_hold_ids_and_no_other_brace() {
        let name = |template| Numbered::new(template).map(|it| it.name(7)).ok();
        assert_eq!(name("{id}").as_deref(), Some("7"));
        assert_eq!(name("ü{id}{id:03}x").as_deref(), Some("ü7007x"));
        assert_eq!(name("{id:00}").as_deref(), Some("7"));
        assert_eq!(name("{id:020}").map(|it| it.len()), Some(20));
        for template in [
            "",
            "user",
            "{}",
            "{id",
            "id}",
            "{{id}}",
            "{id}}",
            "}{id}",
            "{id:6}",
            "{id:0}",
            "{id:021}",
            "{id:0+3}",
            "{id: 06}",
            "{ID}",
            "{id}{name}",
            "{id:0999999999999999999999}",
        ] {
            assert_eq!(name(template), None, "{template}");
        }
        let error = Numbered::new("user").unwrap_err().to_string();
        assert!(error.ends_with("and no other brace: user"));
    }

    #[test]
    fn passwords_follow_from_seed_and_id() {
        // Written down: accounts of an earlier version's runs must stay usable.
        assert_eq!(password(1, 17, 12), "Ey9dKjNMLXwq");
        let mut all: Vec<_> = (0..100)
            .flat_map(|seed| (0..100).map(move |id| password(seed, id, 12)))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn passwords_please_servers() {
        for (len, id) in (3..40).zip(0..) {
            let password = password(7, id, len);
            assert_eq!(password.len(), len);
            assert!(password.bytes().all(|it| it.is_ascii_alphanumeric()));
            assert!(password.contains(|it: char| it.is_ascii_uppercase()));
            assert!(password.contains(|it: char| it.is_ascii_lowercase()));
            assert!(password.contains(|it: char| it.is_ascii_digit()));
            assert!(!password.contains(['0', 'O', '1', 'l', 'I']));
        }
        assert_eq!(password(7, 7, 0), "");
        assert_eq!(password(7, 7, 1).len(), 1);
    }

    #[test]
    fn people_have_names_and_all_names_come_up() {
        for names in [FIRST_NAMES, LAST_NAMES] {
            assert_eq!(names.split(' ').count() as u64, NAMES);
        }
        let people: Vec<_> = (0..20_000).map(|id| person(3, id).full()).collect();
        let mut distinct = people.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 1024);
        assert_eq!(people[17], person(3, 17).full());
        assert_ne!(person(3, 17), person(4, 17));
    }
}
