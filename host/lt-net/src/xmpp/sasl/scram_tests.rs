//! Tests of SCRAM: the vectors of its documents, others of a second implementation, and servers that do not keep to it.

use super::*;
use crate::xmpp::sasl::{Credentials, Exchange, Mechanism, new_nonce};

/// One exchange as it should go.
struct Vector {
    mechanism: Mechanism,
    credentials: Credentials<'static>,
    binding: Option<ChannelBinding>,
    offered: &'static [&'static str],
    nonce: &'static str,
    /// First message, the server's, the last, the server's.
    messages: [&'static str; 4],
}

const PENCIL: Credentials<'_> = Credentials {
    authcid: "user",
    password: "pencil",
    authzid: None,
};

impl Vector {
    /// RFC 5802, section 5.
    fn sha1() -> Self {
        Self {
            mechanism: Mechanism::ScramSha1,
            credentials: PENCIL,
            binding: None,
            offered: &["SCRAM-SHA-1"],
            nonce: "fyko+d2lbbFgONRv9qkxdawL",
            messages: [
                "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ],
        }
    }

    /// RFC 7677, section 3.
    fn sha256() -> Self {
        Self {
            mechanism: Mechanism::ScramSha256,
            offered: &["SCRAM-SHA-256", "SCRAM-SHA-1"],
            nonce: "rOprNGfwEbeRWgbNEkqO",
            messages: [
                "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ],
            ..Self::sha1()
        }
    }

    /// draft-melnikov-scram-sha-512, section 5.
    fn sha512() -> Self {
        Self {
            mechanism: Mechanism::ScramSha512,
            nonce: "rOprNGfwEbeRWgbNEkqO",
            messages: [
                "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,s=Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,p=Hc5yec3NmCD7t+kFRw4/3yD6/F3SQHc7AVYschRja+Bc3sbdjlA0eH1OjJc0DD4ghn1tnXN5/Wr6qm9xmaHt4A==",
                "v=BQuhnKHqYDwQWS5jAw4sZed+C9KFUALsbrq81bB0mh+bcUUbbMPNNmBIupnS2AmyyDnG5CTBQtkjJ9kyY4kzmw==",
            ],
            ..Self::sha1()
        }
    }

    /// Bound, with a name that must be escaped, somebody else to be, and a password that must be prepared: by Python's hashlib.
    fn sha256_plus() -> Self {
        Self {
            mechanism: Mechanism::ScramSha256Plus,
            credentials: Credentials {
                authcid: "a=b,c",
                password: "I\u{ad}X\u{2168}",
                authzid: Some("x=y@h"),
            },
            binding: Some(ChannelBinding {
                kind: "tls-exporter",
                data: (0..32).collect(),
            }),
            offered: &["SCRAM-SHA-256-PLUS"],
            nonce: "abcdefgh",
            messages: [
                "p=tls-exporter,a=x=3Dy@h,n=a=3Db=2Cc,r=abcdefgh",
                "r=abcdefgh12345678,s=c2FsdC1vZi0xNi1ieXRlcw==,i=5000",
                "c=cD10bHMtZXhwb3J0ZXIsYT14PTNEeUBoLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,r=abcdefgh12345678,p=29qHKcf9qPsIXJy3jkeWZbD5jKMwldNGMLUtmlTrBLw=",
                "v=Ix4sl8uMJduXiG0iGbnv34+3tLE/PWakYZAKUJ9VO94=",
            ],
        }
    }

    /// Bound to the certificate: by Python's hashlib.
    fn sha1_plus() -> Self {
        Self {
            mechanism: Mechanism::ScramSha1Plus,
            binding: Some(ChannelBinding {
                kind: "tls-server-end-point",
                data: (0..32).collect(),
            }),
            nonce: "abcdefgh",
            messages: [
                "p=tls-server-end-point,,n=user,r=abcdefgh",
                "r=abcdefgh12345678,s=c2FsdC1vZi0xNi1ieXRlcw==,i=4096",
                "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,r=abcdefgh12345678,p=30E37tljL2h+jiC8uHpQ/oTgzUg=",
                "v=iyAtMC4xa3eyCXJzUKqWiLZV8dw=",
            ],
            ..Self::sha1()
        }
    }

    fn begin(&self) -> (Exchange, String) {
        let offered: Vec<String> = self.offered.iter().map(|&name| name.to_owned()).collect();
        let (exchange, first) = Exchange::begin(
            self.mechanism,
            &self.credentials,
            self.binding.as_ref(),
            &offered,
            self.nonce.to_owned(),
        )
        .unwrap();
        (exchange, String::from_utf8(first.unwrap()).unwrap())
    }

    /// Up to the last message of ours.
    fn answered(&self) -> (Exchange, String) {
        let (mut exchange, first) = self.begin();
        assert_eq!(first, self.messages[0]);
        let Reply::Derive(derivation) = exchange.challenge(self.messages[1].as_bytes()).unwrap()
        else {
            panic!("nothing to derive");
        };
        let keys = derivation.run();
        let last = exchange.derived(&keys).unwrap();
        (exchange, String::from_utf8(last).unwrap())
    }
}

#[test]
fn the_vectors_come_out() {
    for vector in [
        Vector::sha1(),
        Vector::sha256(),
        Vector::sha512(),
        Vector::sha256_plus(),
        Vector::sha1_plus(),
    ] {
        let (mut exchange, last) = vector.answered();
        assert_eq!(last, vector.messages[2]);
        assert_eq!(exchange.success(vector.messages[3].as_bytes()), Ok(()));
    }
}

#[test]
fn the_proof_may_come_in_a_challenge_of_its_own() {
    let vector = Vector::sha1();
    let (mut exchange, _) = vector.answered();
    let reply = exchange.challenge(vector.messages[3].as_bytes()).unwrap();
    assert!(matches!(reply, Reply::Respond(answer) if answer.is_empty()));
    assert_eq!(exchange.success(b""), Ok(()));
    // Said twice it must be right twice.
    assert_eq!(exchange.success(vector.messages[3].as_bytes()), Ok(()));
    assert!(exchange.success(b"v=AAAA").is_err());
}

#[test]
fn a_server_that_proves_nothing_is_not_believed() {
    let untrusted = |exchange: &mut Exchange, data: &[u8], why: &str| {
        let error = exchange.success(data).unwrap_err();
        assert!(
            matches!(&error, XmppError::ServerNotTrusted(text) if text.contains(why)),
            "{error}"
        );
    };
    let (mut begun, _) = Vector::sha1().begin();
    untrusted(&mut begun, b"", "proved nothing");
    untrusted(
        &mut begun,
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        "proved nothing",
    );
    begun
        .challenge(Vector::sha1().messages[1].as_bytes())
        .unwrap();
    untrusted(&mut begun, b"v=", "proved nothing");
    let (mut answered, _) = Vector::sha1().answered();
    untrusted(&mut answered, b"", "proved nothing");
    untrusted(&mut answered, b"v=", "wrong");
    untrusted(&mut answered, b"v=rmF9pqV8S7suAoZWja4dJRkFsKU=", "wrong");
    untrusted(&mut answered, b"v=rmF9pqV8S7suAoZWja4dJRkF", "wrong");
    untrusted(&mut answered, b"v=???", "not base64");
    // A false proof in a challenge is none either, and the true one is still taken after it.
    assert!(answered.challenge(b"v=AAAA").is_err());
    untrusted(&mut answered, b"", "proved nothing");
    assert_eq!(answered.success(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), Ok(()));
}

#[test]
fn a_server_that_says_no_is_quoted() {
    let (mut exchange, _) = Vector::sha1().answered();
    let said = Err(XmppError::Sasl(Condition {
        condition: "not-authorized".to_owned(),
        text: "invalid-proof".to_owned(),
    }));
    assert_eq!(exchange.success(b"e=invalid-proof"), said);
    assert_eq!(exchange.challenge(b"e=invalid-proof,x=y").map(|_| ()), said);
    let protocol = exchange.success(b"x=y").unwrap_err();
    assert_eq!(protocol.number_and_name().1, "protocol");
}

/// What the server's first message is taken for, instead of a good one.
#[track_caller]
fn check_first(message: &[u8], name: &str, why: &str) {
    let (mut exchange, _) = Vector::sha1().begin();
    let error = exchange.challenge(message).unwrap_err();
    assert_eq!(error.number_and_name().1, name, "{error}");
    assert!(error.to_string().contains(why), "{error}");
    // Nothing was begun by it.
    assert!(exchange.success(b"v=").is_err());
}

#[test]
fn first_messages_that_are_none_are_refused() {
    let nonce = "fyko+d2lbbFgONRv9qkxdawL";
    let check =
        |rest: &str, name, why| check_first(format!("r={nonce}{rest}").as_bytes(), name, why);
    check_first(b"", "protocol", "no `r`");
    check_first(b"\xff", "protocol", "UTF-8");
    check_first(b"s=QSXC,i=4096", "protocol", "no `r`");
    check_first(b"m=x,r=1,s=QSXC,i=4096", "protocol", "extension");
    check("x", "protocol", "no `s`");
    check("x,i=4096,s=QSXC", "protocol", "no `s`");
    check("x,s=QSXC", "protocol", "no `i`");
    check("x,s=Q,i=4096", "protocol", "not base64");
    check("x,s=QSXC,m=x,i=4096", "protocol", "extension");
    check("x,s=QSXC,i=4096,m=x", "protocol", "extension");
    check("x,s=QSXC,i=", "protocol", "no number");
    check("x,s=QSXC,i=+4096", "protocol", "no number");
    check("x,s=QSXC,i=-1", "protocol", "no number");
    check("x,s=QSXC,i=4096 ", "protocol", "no number");
    check("x,s=QSXC,i=0", "server-not-trusted", " 0 rounds");
    check(
        "x,s=QSXC,i=1000001",
        "server-not-trusted",
        " 1000001 rounds",
    );
    check(
        "x,s=QSXC,i=99999999999999999999",
        "server-not-trusted",
        "rounds",
    );
    check(",s=QSXC,i=4096", "server-not-trusted", "added nothing");
    check_first(b"r=other,s=QSXC,i=4096", "server-not-trusted", "ours");
    check_first(b"r=,s=QSXC,i=4096", "server-not-trusted", "ours");
}

#[test]
fn what_may_follow_the_first_message_is_not_minded() {
    let (mut exchange, _) = Vector::sha1().begin();
    let message = format!("{},x=y,z", Vector::sha1().messages[1]);
    let reply = exchange.challenge(message.as_bytes()).unwrap();
    assert!(matches!(reply, Reply::Derive(_)));
    let again = exchange.challenge(message.as_bytes()).unwrap_err();
    assert_eq!(again.number_and_name().1, "protocol");
}

#[test]
fn the_most_rounds_that_are_done_are_done() {
    let (mut exchange, _) = Vector::sha1().begin();
    let message = format!("r={}x,s=QSXC,i={PBKDF2_ROUNDS_MAX}", Vector::sha1().nonce);
    let reply = exchange.challenge(message.as_bytes()).unwrap();
    assert!(matches!(reply, Reply::Derive(_)));
}

#[test]
fn the_server_is_told_if_it_seems_unable_to_bind() {
    let flag = |binding: bool, offered: &'static [&'static str]| {
        let vector = Vector {
            binding: binding.then(|| ChannelBinding {
                kind: "tls-exporter",
                data: vec![1],
            }),
            offered,
            ..Vector::sha1()
        };
        let (_, first) = vector.begin();
        first.split(',').next().unwrap().to_owned()
    };
    assert_eq!(flag(true, &["SCRAM-SHA-1"]), "y");
    assert_eq!(flag(false, &["SCRAM-SHA-1"]), "n");
    // It offers what the user does not want: `y` would say that somebody took it away.
    assert_eq!(flag(true, &["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]), "n");
    assert_eq!(flag(false, &["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]), "n");
}

#[test]
fn names_and_passwords_are_prepared_or_refused() {
    let first = |authcid, password| {
        let credentials = Credentials {
            authcid,
            password,
            authzid: None,
        };
        let begun = Exchange::begin(
            Mechanism::ScramSha1,
            &credentials,
            None,
            &[],
            "n".to_owned(),
        );
        begun.map(|(_, first)| String::from_utf8(first.unwrap()).unwrap())
    };
    assert_eq!(first("\u{2168}", "x"), Ok("n,,n=IX,r=n".to_owned()));
    let error = |user, password| first(user, password).unwrap_err().to_string();
    assert!(error("user", "bell\u{7}").contains("password: prohibited"));
    // A character that Unicode 3.2 does not know: RFC 5802 has stored strings, which must not have any.
    assert!(error("user", "\u{1f980}").contains("password: prohibited"));
    assert!(error("\u{627}1", "x").contains("jid: prohibited"));
}

#[test]
fn a_nonce_must_be_one() {
    for nonce in ["", "a,b", "a b", "ä"] {
        let begun = Exchange::begin(Mechanism::ScramSha1, &PENCIL, None, &[], nonce.to_owned());
        assert!(begun.is_err(), "{nonce}");
    }
    assert!(Exchange::begin(Mechanism::ScramSha1, &PENCIL, None, &[], new_nonce()).is_ok());
}

#[test]
fn keys_that_nobody_asked_for_are_an_error() {
    let (mut exchange, _) = Vector::sha1().begin();
    let (mut other, _) = Vector::sha1().begin();
    let Reply::Derive(derivation) = other
        .challenge(Vector::sha1().messages[1].as_bytes())
        .unwrap()
    else {
        panic!("nothing to derive");
    };
    let keys = derivation.run();
    assert!(exchange.derived(&keys).is_err());
    assert!(other.derived(&keys).is_ok());
    assert!(other.derived(&keys).is_err());
}
