//! Proving who connects, as Adobe's and Wowza's servers (`authmod=adobe`) and Limelight's (`authmod=llnw`) ask for it.
//!
//! No specification says how: this is what librtmp (`PublisherAuth`) and ffmpeg (`do_adobe_auth`, `do_llnw_auth` of `rtmpproto.c`) do, and servers
//! were built to. A server refuses the connect command and says in the description of its error what it wants; the client connects anew,
//! with an answer in the query of application and `tcUrl`:
//!
//! | description | next connect adds |
//! |---|---|
//! | `[ code=403 need auth; authmod=adobe ]` | `?authmod=adobe&user=U` |
//! | `[ authmod=adobe ] : ?reason=needauth&user=U&salt=S&challenge=C&opaque=O` | `?authmod=adobe&user=U&challenge=N&response=R&opaque=O` |
//! | `[ authmod=adobe ] : ?reason=authfailed&opaque=O`, `?reason=nosuchuser` | nothing: the end |
//!
//! Limelight's is digest authentication (RFC 2617, section 3.2.2.1) of a fixed realm and method: `nonce` in its description, and `nonce`, `cnonce`, `nc` and
//! `response` in the answer.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest as _, Md5};

use super::RtmpError;

/// What the digest of `authmod=llnw` is of, beside what the server says: ffmpeg and librtmp have these.
const LLNW_REALM: &str = "live";
/// See [`LLNW_REALM`].
const LLNW_METHOD: &str = "publish";
/// Each answer is to a nonce of its own, so it is the first.
const LLNW_NC: &str = "00000001";

/// Ways to prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Adobe,
    Llnw,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Adobe => "adobe",
            Self::Llnw => "llnw",
        }
    }

    /// What a description asks for.
    fn of(description: &str) -> Option<Self> {
        let named = |mode: Self| description.contains(&format!("authmod={}", mode.as_str()));
        [Self::Adobe, Self::Llnw]
            .into_iter()
            .find(|mode| named(*mode))
    }
}

/// One login under way: how far it has come.
pub(super) struct Login {
    /// Name and password; `None` if nobody in particular connects.
    credentials: Option<(String, String)>,
    /// There were credentials that the present server is not to have.
    is_elsewhere: bool,
    stage: Stage,
}

/// Each stage is passed once: a server that asks again for what it was told never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nothing was said.
    Unknown,
    /// The server knows the name.
    Named,
    /// It knows the answer to its challenge.
    Answered,
}

impl Login {
    pub(super) fn new(credentials: Option<(String, String)>) -> Self {
        Self {
            credentials,
            is_elsewhere: false,
            stage: Stage::Unknown,
        }
    }

    /// With another server, maybe as somebody else; `is_same`: it may be told who connects here.
    pub(super) fn start_over(&mut self, credentials: Option<(String, String)>, is_same: bool) {
        self.is_elsewhere |= self.credentials.is_some() && !is_same;
        let kept = self.credentials.take().filter(|_| is_same);
        self.credentials = credentials.or(kept);
        self.stage = Stage::Unknown;
    }

    /// Whether somebody in particular connects.
    pub(super) fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// What to add to the application, without `?`, now that the connect command was refused for this reason; `None` if it was for another
    /// reason than who connects.
    ///
    /// # Errors
    /// `Authentication`: it is of no use to try again.
    pub(super) fn answer(
        &mut self,
        description: &str,
        app: &str,
    ) -> Result<Option<String>, RtmpError> {
        let mut nonce = [0; 4];
        rand::fill(&mut nonce).map_err(|_| failed("no random number for a nonce"))?;
        self.answer_with(description, app, u32::from_be_bytes(nonce))
    }

    fn answer_with(
        &mut self,
        description: &str,
        app: &str,
        nonce: u32,
    ) -> Result<Option<String>, RtmpError> {
        let asked = Asked::of(description);
        match asked.reason {
            Some("authfailed") => return Err(failed("the password is wrong")),
            Some("nosuchuser") => return Err(failed("the server does not know this user")),
            _ => {}
        }
        let Some(mode) = Mode::of(description) else {
            return match asked.reason {
                Some("needauth") => Err(failed("the server asks in a way that is unknown here")),
                _ => Ok(None),
            };
        };
        let Some((user, password)) = &self.credentials else {
            let mode = mode.as_str();
            let but = if self.is_elsewhere {
                ", which the server that was asked first may have, and not the one it led to"
            } else {
                ""
            };
            let why = format!("the server wants name and password (authmod={mode}){but}");
            return Err(RtmpError::Authentication(why));
        };
        let (stage, answer) = if asked.reason == Some("needauth") {
            let answer = match mode {
                Mode::Adobe => adobe(&asked, user, password, nonce),
                Mode::Llnw => llnw(&asked, user, password, app, nonce),
            };
            (Stage::Answered, answer)
        } else if description.contains("code=403 need auth") {
            let mode = mode.as_str();
            (Stage::Named, format!("authmod={mode}&user={user}"))
        } else {
            return Err(failed("the server does not say what it wants"));
        };
        if stage <= self.stage {
            return Err(failed("the server asks again for what it was told"));
        }
        self.stage = stage;
        Ok(Some(answer))
    }
}

/// What stands behind the `?` of a description.
#[derive(Debug, Default)]
struct Asked<'a> {
    reason: Option<&'a str>,
    user: Option<&'a str>,
    salt: Option<&'a str>,
    challenge: Option<&'a str>,
    opaque: Option<&'a str>,
    nonce: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(description: &'a str) -> Self {
        let mut asked = Self::default();
        let Some((_, fields)) = description.split_once('?') else {
            return asked;
        };
        // What follows is text for people.
        let fields = fields.split_whitespace().next().unwrap_or_default();
        for (name, value) in fields.split('&').filter_map(|field| field.split_once('=')) {
            match name {
                "reason" => asked.reason = Some(value),
                "user" => asked.user = Some(value),
                "salt" => asked.salt = Some(value),
                "challenge" => asked.challenge = Some(value),
                "opaque" => asked.opaque = Some(value),
                "nonce" => asked.nonce = Some(value),
                _ => {}
            }
        }
        asked
    }
}

fn adobe(asked: &Asked<'_>, user: &str, password: &str, nonce: u32) -> String {
    let user = asked.user.unwrap_or(user);
    let secret = BASE64.encode(md5(&[user, asked.salt.unwrap_or_default(), password]));
    let challenge = format!("{nonce:08x}");
    // Wowza sends both, and takes the opaque one; older servers know the challenge alone.
    let theirs = asked.opaque.or(asked.challenge).unwrap_or_default();
    let response = BASE64.encode(md5(&[&secret, theirs, &challenge]));
    let opaque = asked.opaque.map(|opaque| format!("&opaque={opaque}"));
    let opaque = opaque.unwrap_or_default();
    format!("authmod=adobe&user={user}&challenge={challenge}&response={response}{opaque}")
}

fn llnw(asked: &Asked<'_>, user: &str, password: &str, app: &str, nonce: u32) -> String {
    let user = asked.user.unwrap_or(user);
    let theirs = asked.nonce.unwrap_or_default();
    let cnonce = format!("{nonce:08x}");
    let path = app.split('?').next().unwrap_or_default();
    let instance = if path.contains('/') { "" } else { "/_definst_" };
    let who = hex(md5(&[user, ":", LLNW_REALM, ":", password]));
    let what = hex(md5(&[LLNW_METHOD, ":/", path, instance]));
    let parts = [
        &who, ":", theirs, ":", LLNW_NC, ":", &cnonce, ":auth:", &what,
    ];
    let response = hex(md5(&parts));
    format!(
        "authmod=llnw&user={user}&nonce={theirs}&cnonce={cnonce}&nc={LLNW_NC}&response={response}"
    )
}

fn md5(parts: &[&str]) -> [u8; 16] {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hex(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn failed(why: &str) -> RtmpError {
    RtmpError::Authentication(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u32 = 0xbeef;
    const NEED_AUTH: &str = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";

    fn bob() -> Login {
        Login::new(Some(("bob".to_owned(), "secret".to_owned())))
    }

    fn answer(login: &mut Login, description: &str) -> Result<Option<String>, RtmpError> {
        login.answer_with(description, "live?k=v", NONCE)
    }

    #[track_caller]
    fn check(description: &str, wanted: &str) {
        assert_eq!(answer(&mut bob(), description), Ok(Some(wanted.to_owned())));
    }

    #[track_caller]
    fn check_failed(login: &mut Login, description: &str, wanted: &str) {
        let error = answer(login, description).unwrap_err();
        assert_eq!(error.kind(), "authentication");
        assert!(error.to_string().contains(wanted), "{error}");
    }

    // The digests were computed by another implementation of MD5.
    #[test]
    fn each_way_is_answered() {
        check(NEED_AUTH, "authmod=adobe&user=bob");
        check(
            "[ code=403 need auth; authmod=llnw ]",
            "authmod=llnw&user=bob",
        );
        check(
            "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=bob&salt=salty&challenge=chal&opaque=opq",
            "authmod=adobe&user=bob&challenge=0000beef&response=hF3q4/O4aLjyjfXImXAE2g==&opaque=opq",
        );
        check(
            "[ authmod=adobe ] : ?reason=needauth&user=bob&salt=salty&challenge=chal",
            "authmod=adobe&user=bob&challenge=0000beef&response=1XWM3/fvC8c4tXcS03HmMA==",
        );
        let llnw = "[ authmod=llnw ] : ?reason=needauth&user=bob&nonce=n0nce";
        check(
            llnw,
            "authmod=llnw&user=bob&nonce=n0nce&cnonce=0000beef&nc=00000001&response=411b6a1b6b4c996b15fc41907291f81f",
        );
        let instance = bob().answer_with(llnw, "live/x", NONCE).unwrap().unwrap();
        assert!(instance.ends_with("&response=e64ba19156d8d2e13a102ae693b551f1"));
    }

    #[test]
    fn values_may_hold_what_base64_ends_with() {
        let description = "[ authmod=adobe ] : ?reason=needauth&user=bob&salt=c2FsdA==&challenge=YQ==&opaque=YQ== for you";
        let asked = Asked::of(description);
        assert_eq!((asked.salt, asked.opaque), (Some("c2FsdA=="), Some("YQ==")));
    }

    #[test]
    fn nonces_differ() {
        let description = "[ authmod=adobe ] : ?reason=needauth&user=bob&salt=s&challenge=c";
        let answer = || bob().answer(description, "live").unwrap().unwrap();
        assert_ne!(answer(), answer());
    }

    #[test]
    fn other_reasons_are_not_ours() {
        for description in [
            "",
            "application not found",
            "?reason=full&user=bob",
            "code=403",
        ] {
            assert_eq!(answer(&mut bob(), description), Ok(None), "{description}");
        }
    }

    #[test]
    fn it_ends_when_trying_again_is_of_no_use() {
        check_failed(
            &mut bob(),
            "[ authmod=adobe ] : ?reason=authfailed&opaque=x",
            "wrong",
        );
        check_failed(&mut bob(), "[ authmod=adobe ] : ?reason=nosuchuser", "user");
        check_failed(&mut bob(), "authmod=adobe", "what it wants");
        check_failed(
            &mut bob(),
            "[ authmod=other ] : ?reason=needauth",
            "unknown here",
        );
        check_failed(
            &mut Login::new(None),
            NEED_AUTH,
            "name and password (authmod=adobe)",
        );
        let mut login = bob();
        answer(&mut login, NEED_AUTH).unwrap();
        check_failed(&mut login, NEED_AUTH, "asks again");
        let challenge = "[ authmod=adobe ] : ?reason=needauth&salt=s&challenge=c";
        answer(&mut login, challenge).unwrap();
        check_failed(&mut login, challenge, "asks again");
        check_failed(&mut login, NEED_AUTH, "asks again");
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = answer(&mut bob(), NEED_AUTH).unwrap().unwrap();
        assert!(!shown.contains("secret"));
    }
}
