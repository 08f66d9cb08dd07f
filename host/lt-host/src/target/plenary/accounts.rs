//! `/accounts/signup/` and `/accounts/login/`: forms with a CSRF token bound to a cookie, as Django has them. 302 means success,
//! 200 shows the form again with what was wrong.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use hyper::header::{HeaderMap, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::SESSION_COOKIE;
use crate::target::mirror::cookie;
use crate::target::reply::{self, Reply};
use crate::target::router::parameter;
use crate::target::sessions::USER_BYTES_MAX;
use crate::target::{Shared, lock, random};

/// Most accounts; the oldest go first. Some 200 bytes each.
pub(in crate::target) const ACCOUNTS_MAX: usize = 100_000;
/// The cookie that a form's hidden field must repeat.
const CSRF_COOKIE: &str = "csrftoken";
/// The hidden field.
const CSRF_FIELD: &str = "csrfmiddlewaretoken";

/// All accounts, by name.
#[derive(Debug, Default)]
pub(in crate::target) struct Accounts {
    by_name: HashMap<String, Account>,
    /// From the oldest to the newest.
    names: VecDeque<String>,
    last_id: u64,
    /// With keys of this process: what is kept of a password says nothing elsewhere.
    hasher: RandomState,
}

#[derive(Debug)]
struct Account {
    id: u64,
    password_hash: u64,
}

impl Accounts {
    /// The id of the account with this name.
    pub(super) fn id(&self, name: &str) -> Option<u64> {
        self.by_name.get(name).map(|account| account.id)
    }

    /// Make an account, unless the name is taken.
    fn add(&mut self, name: &str, password: &str) -> Result<(), &'static str> {
        if self.by_name.contains_key(name) {
            return Err("A user with that username already exists.");
        }
        while self.names.len() >= ACCOUNTS_MAX {
            if let Some(oldest) = self.names.pop_front() {
                self.by_name.remove(&oldest);
            }
        }
        self.last_id += 1;
        let account = Account {
            id: self.last_id,
            password_hash: self.hasher.hash_one(password),
        };
        self.by_name.insert(name.to_owned(), account);
        self.names.push_back(name.to_owned());
        Ok(())
    }

    fn check(&self, name: &str, password: &str) -> Result<(), &'static str> {
        match self.by_name.get(name) {
            Some(account) if account.password_hash == self.hasher.hash_one(password) => Ok(()),
            _ => Err("The username and/or password you specified are not correct."),
        }
    }
}

/// One of the two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signup,
    Login,
}

/// `/accounts/{which}`, the last slash included.
pub(in crate::target) fn form(shared: &Shared, parts: &Parts, which: &str, body: &[u8]) -> Reply {
    let kind = match which {
        "signup/" => Kind::Signup,
        "login/" => Kind::Login,
        _ => return reply::not_found(),
    };
    let query = parts.uri.query().unwrap_or_default();
    match parts.method {
        Method::GET | Method::HEAD => kind.page(&parts.headers, query, None),
        Method::POST => kind.take(shared, &parts.headers, query, body),
        _ => reply::method_not_allowed("GET, POST"),
    }
}

impl Kind {
    fn take(self, shared: &Shared, headers: &HeaderMap, query: &str, body: &[u8]) -> Reply {
        let form = String::from_utf8_lossy(body);
        let field = |name| parameter(&form, name).unwrap_or_default();
        let token = field(CSRF_FIELD);
        if token.is_empty() || cookie(headers, CSRF_COOKIE) != Some(&token) {
            return reply::text(
                StatusCode::FORBIDDEN,
                "403: CSRF verification failed: the form's token is not that of the cookie\n",
            );
        }
        let (name, outcome) = match self {
            Self::Signup => {
                let (name, password) = (field("username"), field("password1"));
                let outcome = check_new(&name, &password, &field("password2"))
                    .and_then(|()| lock(&shared.accounts).add(&name, &password));
                (name, outcome)
            }
            Self::Login => {
                let name = field("login");
                let outcome = lock(&shared.accounts).check(&name, &field("password"));
                (name, outcome)
            }
        };
        if let Err(why) = outcome {
            return self.page(headers, query, Some(why));
        }
        let (id, _) = lock(&shared.sessions).begin(Some(name));
        // Only to a place on this server.
        let next = parameter(query, "next").filter(|next| next.starts_with('/'));
        let reply = reply::redirect(StatusCode::FOUND, next.as_deref().unwrap_or("/"));
        let session = format!("{SESSION_COOKIE}={id}; HttpOnly; Path=/; SameSite=Lax");
        // A new token, so that one planted before the login is worth nothing.
        let reply = reply::with(reply, SET_COOKIE, &session);
        with_token(reply, &random::token())
    }

    /// The form. `?quotes=single` puts its attributes into single quotes, as Django once did.
    fn page(self, headers: &HeaderMap, query: &str, problem: Option<&str>) -> Reply {
        let known = cookie(headers, CSRF_COOKIE).filter(|token| is_token(token));
        let token = known.map_or_else(random::token, str::to_owned);
        let mut page = self.html(&token, problem);
        if parameter(query, "quotes").as_deref() == Some("single") {
            page = page.replace('"', "'");
        }
        with_token(reply::html(StatusCode::OK, page), &token)
    }

    fn html(self, token: &str, problem: Option<&str>) -> String {
        let (title, fields): (_, &[(&str, &str)]) = match self {
            Self::Signup => (
                "Sign up",
                &[
                    ("username", "text"),
                    ("email", "email"),
                    ("password1", "password"),
                    ("password2", "password"),
                ],
            ),
            Self::Login => ("Log in", &[("login", "text"), ("password", "password")]),
        };
        let problem = problem.map_or_else(String::new, |problem| {
            format!("<ul class=\"errorlist\"><li>{problem}</li></ul>\n")
        });
        let fields: String = fields
            .iter()
            .map(|(name, kind)| {
                format!("<p><label>{name} <input type=\"{kind}\" name=\"{name}\"></label></p>\n")
            })
            .collect();
        format!(
            "<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n<form method=\"post\">\n\
             <input type=\"hidden\" name=\"{CSRF_FIELD}\" value=\"{token}\">\n\
             {problem}{fields}<button type=\"submit\">{title}</button>\n</form>\n"
        )
    }
}

/// What a new account must be like.
fn check_new(name: &str, password: &str, again: &str) -> Result<(), &'static str> {
    let is_mark = |char: char| "@.+-_".contains(char);
    if name.is_empty() || password.is_empty() {
        Err("This field is required.")
    } else if name.len() > USER_BYTES_MAX || password.len() > USER_BYTES_MAX {
        Err("Ensure this value has at most 100 characters.")
    } else if !name
        .chars()
        .all(|char| char.is_alphanumeric() || is_mark(char))
    {
        Err("Enter a valid username.")
    } else if password != again {
        Err("The two password fields didn't match.")
    } else {
        Ok(())
    }
}

/// Whether a cookie's value may be written into a page: such as this server makes.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= USER_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn with_token(reply: Reply, token: &str) -> Reply {
    let cookie = format!("{CSRF_COOKIE}={token}; Max-Age=31449600; Path=/; SameSite=Lax");
    reply::with(reply, SET_COOKIE, &cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_account_goes_when_there_are_too_many() {
        let mut accounts = Accounts::default();
        for number in 0..=ACCOUNTS_MAX {
            accounts.add(&number.to_string(), "p").unwrap();
        }
        assert_eq!(
            (accounts.by_name.len(), accounts.names.len()),
            (ACCOUNTS_MAX, ACCOUNTS_MAX)
        );
        assert_eq!((accounts.id("0"), accounts.id("1")), (None, Some(2)));
    }

    #[test]
    fn new_accounts_are_checked() {
        for (name, password, again) in [
            ("", "p", "p"),
            ("ann", "", ""),
            ("ann", "p", "q"),
            ("a<b", "p", "p"),
            (&"x".repeat(101), "p", "p"),
        ] {
            assert!(check_new(name, password, again).is_err(), "{name:?}");
        }
        assert_eq!(check_new("load.test+1@x_y-z", "p", "p"), Ok(()));
    }
}
