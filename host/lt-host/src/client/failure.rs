//! What a host refuses, and a host that cannot be spoken to.

use lt_spec::Problem;
use reqwest::Url;
use serde::Deserialize;

use crate::error::CommandError;

/// Characters of an answer that is no JSON which are told.
const ODD_ANSWER_CHARS: usize = 200;

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The host answered, and says no.
    Refused(Box<Refusal>),
    /// It did not answer, or not in a way that can be understood.
    Failed(String),
}

/// A host's no.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: u16,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do instead; empty if nothing is known.
    pub(crate) remedy: String,
    /// Faults of fields.
    pub(crate) problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct Document {
    error: Told,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    message: String,
    remedy: Option<String>,
    problems: Vec<ToldProblem>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToldProblem {
    field: String,
    value: String,
    message: String,
    remedy: String,
}

impl CallError {
    /// What the body of an answer that is no success says.
    pub(super) fn of_answer(url: &Url, status: u16, body: &[u8]) -> Self {
        let Ok(Document { error }) = serde_json::from_slice(body) else {
            let text: String = String::from_utf8_lossy(body)
                .chars()
                .take(ODD_ANSWER_CHARS)
                .collect();
            return Self::Failed(format!(
                "{url} answered {status} and no JSON, as a host does not: {text:?} (remedy: give the URL that `lt-host serve` \
                 printed: --to URL)"
            ));
        };
        let problems = error.problems.into_iter().map(|it| Problem {
            field: crate::show::plain(&it.field),
            value: it.value,
            message: it.message,
            remedy: it.remedy,
        });
        let mut refusal = Refusal {
            status,
            message: error.message,
            remedy: error.remedy.unwrap_or_default(),
            problems: problems.collect(),
        };
        if status == 401 {
            refusal.remedy =
                "give the host's token: --token-file FILE, or the variable LT_TOKEN".to_owned();
        }
        Self::Refused(Box::new(refusal))
    }

    /// What became of a call that was not answered.
    pub(super) fn of_transport(base: &Url, error: &reqwest::Error) -> Self {
        let mut text = String::new();
        let mut source: Option<&dyn std::error::Error> = Some(error);
        // The last of the chain says what it was; those before it say where.
        while let Some(cause) = source {
            text = cause.to_string();
            source = cause.source();
        }
        if error.is_connect() {
            return Self::Failed(format!(
                "{base} cannot be reached: {text} (remedy: start a host with `lt-host serve`, or name another: --to URL)"
            ));
        }
        if error.is_timeout() {
            return Self::Failed(format!(
                "{base} did not answer in time (remedy: look at its log; `lt-host status` tells how busy it is)"
            ));
        }
        Self::Failed(format!("{base}: the connection was lost: {text}"))
    }

    /// Whether the host has no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404)
    }

    /// With the fields of problems told in other words.
    pub(crate) fn naming(mut self, name: impl Fn(&str) -> String) -> Self {
        if let Self::Refused(refusal) = &mut self {
            for problem in &mut refusal.problems {
                problem.field = name(&problem.field);
            }
        }
        self
    }
}

impl Refusal {
    /// Whether it speaks of what was asked. A host that is slow, busy, full or broken does not.
    fn is_of_input(&self) -> bool {
        (400..500).contains(&self.status) && ![408, 429].contains(&self.status)
    }

    fn text(&self) -> String {
        if self.remedy.is_empty() {
            self.message.clone()
        } else {
            format!("{} (remedy: {})", self.message, self.remedy)
        }
    }
}

impl From<CallError> for CommandError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(text) => Self::Failed(crate::show::plain(&text)),
            CallError::Refused(refusal) if !refusal.is_of_input() => {
                Self::Failed(crate::show::plain(&refusal.text()))
            }
            CallError::Refused(refusal) if refusal.problems.is_empty() => {
                Self::Refused(crate::show::plain(&refusal.text()))
            }
            CallError::Refused(refusal) => Self::Input(refusal.problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn told(status: u16, body: &str) -> (Exit, String) {
        let url = Url::parse("http://127.0.0.1:7070").unwrap();
        let error: CommandError = CallError::of_answer(&url, status, body.as_bytes()).into();
        (error.exit(), error.to_string())
    }

    #[test]
    fn a_refusal_is_told_as_our_own_faults_are() {
        let one = r#"{"error":{"code":"conflict","message":"the run has ended","remedy":"start another"}}"#;
        assert_eq!(
            told(409, one),
            (
                Exit::BadInput,
                "error: the run has ended (remedy: start another)".to_owned()
            )
        );
        let several = r#"{"error":{"code":"invalid","message":"2 problems","problems":[
            {"field":"users","value":"x","message":"is no number","remedy":"write 10"},
            {"field":"rate","message":"is\u001b missing","remedy":"give it"}]}}"#;
        assert_eq!(
            told(422, several),
            (
                Exit::BadInput,
                "error: users \"x\": is no number (remedy: write 10)\nerror: rate: is  missing (remedy: give it)"
                    .to_owned()
            )
        );
        let (exit, text) = told(
            401,
            r#"{"error":{"code":"unauthorized","message":"no token"}}"#,
        );
        assert_eq!(exit, Exit::BadInput);
        assert!(
            text.contains("--token-file") && text.contains("LT_TOKEN"),
            "{text}"
        );
    }

    #[test]
    fn a_host_that_is_full_or_broken_has_failed() {
        for status in [408, 429, 500, 503] {
            let body = r#"{"error":{"code":"capacity","message":"8 runs of 8"}}"#;
            assert_eq!(
                told(status, body),
                (Exit::Failed, "error: 8 runs of 8".to_owned())
            );
        }
        let (exit, text) = told(404, "<html>\u{1b}nginx");
        assert_eq!(exit, Exit::Failed);
        assert!(
            text.contains("no JSON") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
