//! Speaking to a host that `lt-host serve` made: where it is, who asks, and how its answers and refusals are told.
//!
//! Commands are plain functions that wait for each answer: the program does one thing at a time, on one thread.

mod call;
mod failure;
mod follow;
mod live;
mod order;
mod pages;
mod runs;
mod send;
mod sse;
mod steer;
#[cfg(test)]
mod testing;

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use lt_spec::Problem;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Url};

pub(crate) use self::call::{Answer, Client};
pub(crate) use self::follow::{Heard, Interrupts};
pub(crate) use self::live::{Look, watch};
pub(crate) use self::order::{Order, is_file};
pub(crate) use self::pages::{brief_rows, fits, json_line, json_page, percent, table};
pub(crate) use self::runs::{Part, Run, find, list, run_now};
pub(crate) use self::send::{described_name, send_file, send_scenario};
pub(crate) use self::steer::{await_run, body_with, post, tell_run, whole_number};

use crate::error::CommandError;
use crate::options::read_pem;
use crate::process::Process;

/// The variable that may hold the token.
const TOKEN_VARIABLE: &str = "LT_TOKEN";
/// Longest token that is read: those of `lt-host serve --new-token` have 64 characters, those of others may be JWTs.
const TOKEN_BYTES_MAX: u64 = 16 << 10;

// Which host, and how it is told.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The host")]
pub(crate) struct Served {
    /// The host, as `lt-host serve` prints it.
    #[arg(
        long,
        value_name = "URL",
        env = "LT_TO",
        default_value = "http://127.0.0.1:7070"
    )]
    to: String,
    /// A file with the token that the host asks for. The variable LT_TOKEN may hold the token itself instead.
    #[arg(long, value_name = "FILE", env = "LT_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file with authorities to trust beside the system's, for a host with a certificate of its own.
    #[arg(long, value_name = "FILE", env = "LT_TO_CA_CERT")]
    to_ca_cert: Option<PathBuf>,
    /// Print what the host answers, as JSON.
    #[arg(long, env = "LT_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

impl Served {
    /// Make ready to speak to the host. Nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with the address, the token or the authorities: all of it.
    pub(crate) fn client(&self, process: &Process) -> Result<Client, CommandError> {
        let mut problems = Vec::new();
        let base = note(base_url(&self.to), &mut problems);
        let token = note(self.token(process), &mut problems).flatten();
        let authorities = match &self.to_ca_cert {
            None => Some(Vec::new()),
            Some(path) => note(authorities(path), &mut problems),
        };
        let (Some(base), Some(authorities), true) = (base, authorities, problems.is_empty()) else {
            return Err(problems.into());
        };
        if token.is_some() && base.scheme() == "http" && !is_loopback(&base) {
            tracing::warn!("the token goes over the network as it is: let the host serve https");
        }
        Client::new(base, token, authorities, process.random)
    }

    fn token(&self, process: &Process) -> Result<Option<HeaderValue>, Problem> {
        let (field, text) = match (&self.token_file, process.variable(TOKEN_VARIABLE)) {
            (Some(path), _) => ("--token-file", token_of(path)?),
            (None, Some(token)) => (TOKEN_VARIABLE, token.trim().to_owned()),
            (None, None) => return Ok(None),
        };
        // The token itself is told nowhere.
        let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let header = HeaderValue::from_str(&format!("Bearer {text}")).ok();
        let Some(mut header) = header.filter(|_| is_word) else {
            return Err(Problem::new(
                field,
                "",
                "holds no token: one word of printable ASCII",
                "give the file that `lt-host serve --token-file` was given",
            ));
        };
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

/// What came of a check; its problem is noted.
fn note<T>(checked: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    checked.map_err(|problem| problems.push(problem)).ok()
}

fn token_of(path: &Path) -> Result<String, Problem> {
    let problem = |message: String| {
        let remedy = "give the file that `lt-host serve --token-file` was given";
        Problem::new("--token-file", path.display().to_string(), message, remedy)
    };
    let unreadable = |error: std::io::Error| problem(format!("cannot be read: {error}"));
    let size_bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if size_bytes > TOKEN_BYTES_MAX {
        return Err(problem("is too large for a token".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(text.trim().to_owned())
}

/// The address of a host, whatever stands before `/v1` in it kept.
fn base_url(text: &str) -> Result<Url, Problem> {
    let problem = |message: &str| {
        // A password in it is not shown again.
        let shown = if text.contains('@') { "" } else { text };
        let remedy = "give what `lt-host serve` printed, such as http://127.0.0.1:7070";
        Problem::new("--to", shown, message, remedy)
    };
    let url = Url::parse(text.trim()).map_err(|_| problem("is no URL"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
        return Err(problem("is no URL of http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem(
            "has a user or a password in it: a host asks for a token",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(problem("has more than host, port and path"));
    }
    Ok(url)
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Problem> {
    let field = "--to-ca-cert";
    let bytes = read_pem(field, path)?;
    let problem = |message: String| {
        Problem::new(
            field,
            path.display().to_string(),
            message,
            "give a PEM file with certificates of authorities",
        )
    };
    let found = Certificate::from_pem_bundle(&bytes)
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    if found.is_empty() {
        return Err(problem("holds no certificate".to_owned()));
    }
    Ok(found)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_matches(['[', ']']);
            host.parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
#[path = "client/tests.rs"]
mod whole_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::fake;

    #[test]
    fn an_address_is_a_url_without_secrets() {
        for good in [
            "http://127.0.0.1:7070",
            "https://load.test/",
            "http://[::1]:7070/lt",
        ] {
            base_url(good).unwrap();
        }
        for (bad, said) in [
            ("127.0.0.1:7070", "is no URL"),
            ("ftp://x", "http or https"),
            ("http://me:geheim@x", "password"),
            ("http://x/?token=y", "more than host"),
        ] {
            let problem = base_url(bad).unwrap_err().to_string();
            assert!(problem.contains(said), "{problem}");
            assert!(!problem.contains("geheim"), "{problem}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_network() {
        for (url, wanted) in [
            ("http://127.0.0.9", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://localhost.test", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), wanted, "{url}");
        }
    }

    fn served() -> Served {
        Served {
            to: "http://127.0.0.1:7070".to_owned(),
            token_file: None,
            to_ca_cert: None,
            json: false,
        }
    }

    #[test]
    fn a_token_is_a_word_that_is_never_shown() {
        let (mut process, _) = fake(&[]);
        let set = |process: &mut Process, token: &str| {
            process
                .variables
                .insert(TOKEN_VARIABLE.to_owned(), token.to_owned());
        };
        assert!(served().token(&process).unwrap().is_none());
        set(&mut process, " abc \n");
        let token = served().token(&process).unwrap().unwrap();
        assert_eq!(token, "Bearer abc");
        assert!(!format!("{token:?}").contains("abc"));
        set(&mut process, "ge heim");
        let problem = served().token(&process).unwrap_err().to_string();
        assert!(
            problem.starts_with("LT_TOKEN: ") && !problem.contains("heim"),
            "{problem}"
        );
        let file = Served {
            token_file: Some("/nowhere/token".into()),
            ..served()
        };
        let problem = file.token(&process).unwrap_err().to_string();
        assert!(
            problem.contains("--token-file \"/nowhere/token\""),
            "{problem}"
        );
    }
}
