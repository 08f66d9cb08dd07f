//! The streaming service: one request a function.

use lt_sdk::http::{self, ErrorCode, Request, Response};
use lt_sdk::json::Value;
use lt_sdk::prelude::*;

use crate::options::Options;
use crate::urls::{self, Fill};
use crate::{names, smil, tally};

/// A request of the service.
struct Step {
    /// Its name in the metrics, and in errors.
    name: &'static str,
    method: &'static str,
    /// `{id}` and `{fan}` stand for ids.
    path: &'static str,
}

const SIGN_IN: Step = Step {
    name: "influencer sign-in",
    method: "POST",
    path: "/api/v1/influencers/instagram_sign_in_or_up",
};
const ALERT: Step = Step {
    name: "stream alert",
    method: "POST",
    path: "/api/v1/influencers/{id}/stream_alerts",
};
const READY: Step = Step {
    name: "servers ready",
    method: "GET",
    path: "/api/v1/influencers/{id}",
};
const KEEP_ALIVE: Step = Step {
    name: "keep-alive",
    method: "POST",
    path: "/api/v1/influencers/{id}/streamings",
};
const FAN_SIGN_UP: Step = Step {
    name: "fan sign-up",
    method: "POST",
    path: "/api/v1/fans",
};
const FAN_SIGN_IN: Step = Step {
    name: "fan sign-in",
    method: "POST",
    path: "/api/v1/fans/sign_in",
};
const USE_CODE: Step = Step {
    name: "use code",
    method: "POST",
    path: "/api/v1/codes/use",
};
const MARKETPLACE: Step = Step {
    name: "marketplace",
    method: "GET",
    path: "/api/v1/influencers/general",
};
const RELATION: Step = Step {
    name: "relation",
    method: "POST",
    path: "/api/v1/influencers/relation",
};
const FOLLOW: Step = Step {
    name: "follow",
    method: "POST",
    path: "/api/v1/fan_influencers",
};
const JOIN: Step = Step {
    name: "join",
    method: "POST",
    path: "/streams/{id}/watchers",
};
const LEAVE: Step = Step {
    name: "leave",
    method: "DELETE",
    path: "/streams/{id}/watchers/{fan}",
};

/// What a request needs to know of a user.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Its id, a number or a text.
    pub(crate) id: Value,
    /// What it shows from then on.
    token: String,
}

/// Somebody to be at the service.
pub(crate) struct Service<'a> {
    options: &'a Options,
}

impl<'a> Service<'a> {
    pub(crate) const fn new(options: &'a Options) -> Self {
        Self { options }
    }

    /// The influencer's account, and the name of its stream.
    pub(crate) fn sign_in(&self) -> Result<(Account, String)> {
        let body = lt_sdk::json!({ "influencer": {
            "email": text(&self.options.influencer_email),
            "oauth_token": text(&self.options.influencer_token),
        } });
        let answer = self.api(&SIGN_IN, None, |request| request.json(&body))?;
        let name = field(&SIGN_IN, &answer, "username")?;
        Ok((account(&SIGN_IN, &answer)?, name))
    }

    /// Have followers told.
    pub(crate) fn alert(&self, influencer: &Account) -> Result<()> {
        let told = self.api(&ALERT, Some(&influencer.id), as_influencer(influencer));
        told.map(drop)
    }

    /// The server that takes the stream, once it is ready.
    pub(crate) fn origin(&self, influencer: &Account) -> Result<Option<String>> {
        let answer = self.api(&READY, Some(&influencer.id), as_influencer(influencer))?;
        if answer["servers_status"]["servers_ready"].as_bool() != Some(true) {
            return Ok(None);
        }
        field(&READY, &answer, "origin_ip").map(Some)
    }

    /// Say that the stream is there.
    pub(crate) fn keep_alive(&self, influencer: &Account) -> Result<()> {
        let kept = self.api(&KEEP_ALIVE, Some(&influencer.id), as_influencer(influencer));
        kept.map(drop)
    }

    /// A new account for a fan.
    pub(crate) fn sign_up_fan(&self, name: &str) -> Result<Account> {
        let body = lt_sdk::json!({ "fan": {
            "username": name,
            "email": names::email(name, &self.options.fan_email_domain),
            "password": text(&self.options.fan_password),
        } });
        let answer = self.api(&FAN_SIGN_UP, None, |request| request.json(&body))?;
        account(&FAN_SIGN_UP, &answer)
    }

    /// A fan's account, if there is one of this name.
    pub(crate) fn sign_in_fan(&self, name: &str) -> Result<Option<Account>> {
        let body = lt_sdk::json!({ "fan": {
            "email": names::email(name, &self.options.fan_email_domain),
            "password": text(&self.options.fan_password),
        } });
        let base = base(&self.options.api_url);
        let url = [base, FAN_SIGN_IN.path].concat();
        let request = http::request(FAN_SIGN_IN.method, &url).json(&body);
        // That there is none is no failure: it is made then.
        let request = [200..=299, 401..=401, 404..=404, 422..=422]
            .into_iter()
            .fold(request, Request::expect_status);
        let answer = send(&FAN_SIGN_IN, request, &url)?;
        match answer.status() {
            401 | 404 | 422 => Ok(None),
            _ => account(&FAN_SIGN_IN, &read(&FAN_SIGN_IN, &answer, &url)?).map(Some),
        }
    }

    /// Use the code that lets fans in.
    pub(crate) fn use_code(&self, fan: &Account, code: &str) -> Result<()> {
        let used = self.api(&USE_CODE, None, |request| {
            as_fan(fan)(request).query([("code_text", code)])
        });
        used.map(drop)
    }

    /// Look whom there is to follow, and how one stands to them.
    pub(crate) fn visit_marketplace(&self, fan: &Account) -> Result<()> {
        let found = self.api(&MARKETPLACE, None, |request| {
            let page = as_fan(fan)(request).query([("page", "1")]);
            page.json(&lt_sdk::json!({ "page": 1 }))
        })?;
        let influencers = found["influencers"].elements().iter();
        let ids: Vec<Value> = influencers.map(|it| it["id"].clone()).collect();
        let body = lt_sdk::json!({ "influencers": ids });
        let related = self.api(&RELATION, None, |request| as_fan(fan)(request).json(&body));
        related.map(drop)
    }

    /// Follow the influencer.
    pub(crate) fn follow(&self, fan: &Account, influencer: &Value) -> Result<()> {
        let body = lt_sdk::json!({ "influencer_id": influencer.clone() });
        let followed = self.api(&FOLLOW, None, |request| as_fan(fan)(request).json(&body));
        followed.map(drop)
    }

    /// Become a watcher, and leave again at once, as the service's players do: the server of the stream, and the stream's name.
    pub(crate) fn join(&self, fan: &Account, influencer: &Value) -> Result<(String, String)> {
        let path = JOIN.path.replace("{id}", &plain(influencer));
        let body = lt_sdk::json!({ "id": fan.id.clone() });
        let joined = self.streams(&JOIN, &path, |request| request.json(&body))?;
        let way = (
            field(&JOIN, &joined, "originIp")?,
            field(&JOIN, &joined, "influencerUsername")?,
        );
        let path = LEAVE.path.replace("{id}", &plain(influencer));
        let path = path.replace("{fan}", &plain(&fan.id));
        self.streams(&LEAVE, &path, |request| request)?;
        Ok(way)
    }

    /// Ask for the way to the stream.
    pub(crate) fn redirect(&self, origin: &str, stream: &str) -> Result<String> {
        const REDIRECT: Step = Step {
            name: "redirect",
            method: "GET",
            path: "",
        };
        let with = Fill {
            origin,
            stream,
            key: "",
        };
        let url = urls::fill(&self.options.redirect_url, with);
        let shown = urls::public(&self.options.redirect_url);
        let answer = send(&REDIRECT, http::get(&url), &shown)?;
        accepted(&REDIRECT, &answer, &shown)?;
        let base = answer.text().ok().as_deref().and_then(smil::base);
        let Some(base) = base else {
            tally::error("no-base", &shown);
            bail!("redirect: the answer is no SMIL with a base");
        };
        let source = urls::fill(&self.options.source_name, with);
        Ok(smil::stream_url(&base, &source))
    }

    /// Send a request of the first API.
    fn api(
        &self,
        step: &Step,
        id: Option<&Value>,
        with: impl FnOnce(Request) -> Request,
    ) -> Result<Value> {
        let base = base(&self.options.api_url);
        let path = match id {
            Some(id) => step.path.replace("{id}", &plain(id)),
            None => step.path.to_owned(),
        };
        exchange(step, base, &path, with)
    }

    /// Send a request of the streams' API.
    fn streams(
        &self,
        step: &Step,
        path: &str,
        with: impl FnOnce(Request) -> Request,
    ) -> Result<Value> {
        let base = base(&self.options.streams_api_url);
        let token = text(&self.options.streams_api_token);
        exchange(step, base, path, |request| {
            with(request.header("key", token))
        })
    }
}

/// Headers of the influencer's requests.
fn as_influencer(influencer: &Account) -> impl FnOnce(Request) -> Request {
    |request| request.header("x-influencer-token", &influencer.token)
}

/// Headers of a fan's requests.
fn as_fan(fan: &Account) -> impl FnOnce(Request) -> Request {
    |request| request.header("x-fan-token", &fan.token)
}

fn exchange(
    step: &Step,
    base: &str,
    path: &str,
    with: impl FnOnce(Request) -> Request,
) -> Result<Value> {
    let request = http::request(step.method, [base, path].concat());
    let shown = [base, step.path].concat();
    let answer = send(step, with(request), &shown)?;
    read(step, &answer, &shown)
}

/// Send a request. What fails is counted under the URL without ids.
fn send(step: &Step, request: Request, shown: &str) -> Result<Response> {
    let sent = request.name(step.name).keep_body().send();
    if let Err(error) = &sent {
        tally::error(code_of(error), shown);
    }
    sent.context(step.name)
}

/// What was answered well.
fn read(step: &Step, answer: &Response, shown: &str) -> Result<Value> {
    accepted(step, answer, shown)?;
    if answer.body_length() == 0 {
        return Ok(Value::Null);
    }
    let read = answer.json();
    if read.is_err() {
        tally::error("no-json", shown);
    }
    read.context(step.name)
}

fn accepted(step: &Step, answer: &Response, shown: &str) -> Result<()> {
    if answer.is_success() {
        return Ok(());
    }
    let status = answer.status().to_string();
    tally::error(&status, shown);
    bail!("{}: status {status}", step.name)
}

/// Why there is no answer, in a word.
pub(crate) const fn code_of(error: &http::Error) -> &'static str {
    if error.is_timeout() {
        return "timeout";
    }
    match error.code() {
        Some(ErrorCode::ConnectionRefused) => "connection-refused",
        Some(ErrorCode::ConnectionReset) => "connection-reset",
        Some(ErrorCode::ConnectionClosed) => "connection-closed",
        Some(ErrorCode::NameNotFound(_) | ErrorCode::NameResolution(_)) => "name",
        Some(ErrorCode::TargetDenied(_)) => "target-denied",
        Some(
            ErrorCode::Tls(_)
            | ErrorCode::UnknownAuthority
            | ErrorCode::CertificateName
            | ErrorCode::CertificateExpired
            | ErrorCode::Certificate(_),
        ) => "tls",
        _ => "network",
    }
}

/// Id and token of an answer.
fn account(step: &Step, answer: &Value) -> Result<Account> {
    let id = answer["id"].clone();
    ensure!(!id.is_null(), "{}: the answer has no id", step.name);
    Ok(Account {
        id,
        token: field(step, answer, "token")?,
    })
}

fn field(step: &Step, answer: &Value, name: &str) -> Result<String> {
    let text = answer[name].as_str().map(str::to_owned);
    text.context(format_args!("{}: the answer has no {name}", step.name))
}

/// An id as it stands in a path.
fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The start of a URL, without a slash at its end.
fn base(url: &Option<String>) -> &str {
    text(url).trim_end_matches('/')
}

/// A setting that was looked at before the run.
fn text(setting: &Option<String>) -> &str {
    setting.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers_or_texts() {
        let made = |id: Value| {
            let answer = lt_sdk::json!({ "id": id, "token": "t" });
            account(&SIGN_IN, &answer).map(|account| plain(&account.id))
        };
        assert_eq!(made(lt_sdk::json!(17)).ok().as_deref(), Some("17"));
        assert_eq!(made(lt_sdk::json!("a-7")).ok().as_deref(), Some("a-7"));
        assert!(made(Value::Null).is_err());
        let error = account(&SIGN_IN, &lt_sdk::json!({ "id": 1 })).map(drop);
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err("influencer sign-in: the answer has no token".to_owned())
        );
    }

    #[test]
    fn failures_have_a_word() {
        assert_eq!(code_of(&ErrorCode::ConnectTimeout.into()), "timeout");
        assert_eq!(
            code_of(&ErrorCode::ConnectionRefused.into()),
            "connection-refused"
        );
        assert_eq!(code_of(&ErrorCode::CertificateName.into()), "tls");
        assert_eq!(code_of(&ErrorCode::TooManyRequests.into()), "network");
    }
}
