//! The connect command (RTMP section 7.2.1.1): what is put into it, and what an answer means.

use crate::error::NetError;
use crate::rtmp::message::Incoming;
use crate::rtmp::{ConnectRequest, Status, Value};

/// Number of the command: always the first (section 7.2.1.1).
pub(super) const TRANSACTION: f64 = 1.0;
/// Who connects, unless the request says otherwise: what ffmpeg's player says.
const FLASH_VERSION: &str = "LNX 9,0,124,2";
/// The same of somebody with name and password: Wowza and Adobe ask only publishers for them, which they know by this (`FMLE/…`).
const FLASH_VERSION_ENCODER: &str = "FMLE/3.0 (compatible; lt-host)";
/// Longest application and `tcUrl`: AMF0's strings have a length of 16 bits (AMF0, section 2.4), and an answer to a challenge is added.
pub(super) const TEXT_BYTES_MAX: usize = 60_000;
/// A server elsewhere is to be asked (Adobe's `application.redirectConnection`, SRS).
const REDIRECT: f64 = 302.0;

/// What an answer to the command says.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Yes; and what the server calls itself.
    Accepted(Status, String),
    /// No; and where to go instead, if it says.
    Rejected(Status, Option<String>),
}

/// The command's object: the usual fields in the usual order, replaced or followed by those of the request.
pub(super) fn object(
    request: &ConnectRequest,
    app: &str,
    tc_url: &str,
    is_encoder: bool,
) -> Vec<(String, Value)> {
    let text = |text: &str| Value::Text(text.to_owned());
    let flash_version = if is_encoder {
        FLASH_VERSION_ENCODER
    } else {
        FLASH_VERSION
    };
    let mut fields = vec![("app", text(app))];
    if is_encoder {
        fields.push(("type", text("nonprivate")));
    }
    fields.extend([
        ("flashVer", text(flash_version)),
        ("tcUrl", text(tc_url)),
        ("fpad", Value::Boolean(false)),
        ("capabilities", Value::Number(15.0)),
        // All codecs that the specification knows but Intel's and the unused ones, as ffmpeg says.
        ("audioCodecs", Value::Number(4071.0)),
        ("videoCodecs", Value::Number(252.0)),
        // SUPPORT_VID_CLIENT_SEEK.
        ("videoFunction", Value::Number(1.0)),
        // AMF0.
        ("objectEncoding", Value::Number(0.0)),
    ]);
    let mut fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for (name, value) in &request.fields {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.clone(),
            None => fields.push((name.clone(), value.clone())),
        }
    }
    fields
}

/// Check what the request adds.
///
/// # Errors
/// `InvalidRequest`, naming the field.
pub(super) fn check_fields(request: &ConnectRequest) -> Result<(), NetError> {
    for (name, _) in &request.fields {
        let why = match name.as_str() {
            "" => "a field without a name".to_owned(),
            "app" | "tcUrl" => format!("`{name}` has an option of its own"),
            long if long.len() > TEXT_BYTES_MAX => "a name that is too long".to_owned(),
            _ => continue,
        };
        return Err(NetError::InvalidRequest(format!("fields: {why}")));
    }
    Ok(())
}

/// What a message says of the command; `None` if it is not about it. No other command is under way, so every error is.
pub(super) fn verdict(message: &Incoming) -> Option<Verdict> {
    let Incoming::Command {
        stream_id: 0,
        name,
        transaction,
        values,
    } = message
    else {
        return None;
    };
    let is_answer = name == "_result" && *transaction == TRANSACTION;
    if !is_answer && name != "_error" && name != "onStatus" {
        return None;
    }
    let status = Status::of(values);
    // Some say no in a `_result`, or only in an `onStatus`.
    let is_no = name == "_error" || status.is_error() || is_rejection(&status.code);
    if is_no {
        let redirect = values.iter().find_map(redirect);
        return Some(Verdict::Rejected(status, redirect));
    }
    is_answer.then(|| {
        let version = values
            .iter()
            .find_map(|value| value.field("fmsVer")?.text());
        Verdict::Accepted(status, version.unwrap_or_default().to_owned())
    })
}

fn is_rejection(code: &str) -> bool {
    let reason = code.strip_prefix("NetConnection.Connect.");
    reason.is_some_and(|reason| reason != "Success" && !reason.starts_with("Network"))
}

/// The `ex.redirect` of an information object.
fn redirect(information: &Value) -> Option<String> {
    let extra = information.field("ex")?;
    let code = extra.field("code").and_then(Value::number);
    let url = extra.field("redirect")?.text()?;
    let is_redirect = code.is_none_or(|code| code == REDIRECT) && !url.is_empty();
    is_redirect.then(|| url.to_owned())
}
