//! What the guest asks for when it connects, publishes or plays, held to its bounds.

use std::fmt;
use std::time::Duration;

use lt_net::rtmp::{
    AssetOptions, ConnectRequest, FlvRequest, PlayOptions, PlayRequest, PlayStart, PublishKind,
    PublishRequest, RtmpError, Stamping,
};
use lt_spec::limits::{
    INBOX_BYTES_DEFAULT, RTMP_BUFFER, RTMP_CHUNK_BYTES_MAX, RTMP_CHUNK_BYTES_MIN, RTMP_LAG_AFTER,
    RTMP_STALL_AFTER, RTMP_STALL_AFTER_MIN, RTMP_TIMEOUT, RTMP_UNSENT_TIMEOUT,
};

use super::{invalid, values};
use crate::bindings::rtmp as wit;
use crate::bindings::rtmp::ErrorCode;
use crate::bindings::types::Tag;
use crate::core::GroupId;
use crate::interfaces::inbox;
use crate::interfaces::timing::duration;
use crate::io_link::IoLink;
use crate::rtmp::{Dial, FlvDial};
use crate::sockets::Labels;

/// Size of the chunks that are sent, unless the scenario says otherwise (`wit/rtmp.wit`).
const CHUNK_BYTES: u32 = 4096;

/// How a trace shows the options of a connect: without the password.
pub(super) struct Asked<'a>(pub(super) Option<&'a wit::ConnectOptions>);

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(options) = self.0 else {
            return f.write_str("None");
        };
        let user = options.credentials.as_ref();
        f.debug_struct("ConnectOptions")
            .field("timeout", &options.timeout)
            .field("app", &options.app)
            .field("user", &user.map(|credentials| &credentials.user))
            .field("fields", &options.fields)
            .field("arguments", &options.arguments)
            .field("chunk_bytes", &options.chunk_bytes)
            .field("name", &options.name)
            .finish_non_exhaustive()
    }
}

/// How a trace shows a URL: without user and password.
pub(super) struct PublicUrl<'a>(pub(super) &'a str);

impl fmt::Debug for PublicUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", self.0));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        write!(f, "\"{scheme}://{host}{path}\"")
    }
}

/// Name of the samples of what is played over HTTP, unless the scenario says otherwise: host and path.
pub(crate) fn name_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let bare = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = bare.split_once('/').unwrap_or((bare, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
    format!("{host}/{path}")
}

/// Where to connect, and what the connection's samples are tagged with.
pub(crate) fn connect(io: &IoLink, dial: Dial) -> Result<(ConnectRequest, Labels), ErrorCode> {
    let Dial {
        url,
        options,
        group,
    } = dial;
    let options = options.map_or_else(connect_defaults, |options| *options);
    let chunk_bytes = options.chunk_bytes.unwrap_or(CHUNK_BYTES);
    let bounds = (RTMP_CHUNK_BYTES_MIN, RTMP_CHUNK_BYTES_MAX);
    inbox::within("options.chunk-bytes", chunk_bytes, bounds).map_err(ErrorCode::InvalidRequest)?;
    let tls = match options.tls {
        Some(tls) => {
            let profile = io
                .client
                .tls_profile(tls.authorities, tls.identity, tls.insecure);
            Some(profile.map_err(|error| ErrorCode::from(RtmpError::Net(error)))?)
        }
        None => None,
    };
    let request = ConnectRequest {
        url,
        timeout: timeout(options.timeout)?,
        app: options.app,
        tc_url: options.tc_url,
        credentials: options.credentials.map(|it| (it.user, it.password)),
        fields: values::fields_from_guest("options.fields", options.fields)?,
        arguments: values::all_from_guest("options.arguments", options.arguments)?,
        chunk_bytes,
        tls,
    };
    Ok((request, labels(group, options.name, options.tags)))
}

fn connect_defaults() -> wit::ConnectOptions {
    wit::ConnectOptions {
        timeout: None,
        app: None,
        tc_url: None,
        credentials: None,
        fields: Vec::new(),
        arguments: Vec::new(),
        chunk_bytes: None,
        tls: None,
        name: None,
        tags: Vec::new(),
    }
}

fn labels(group: GroupId, name: Option<String>, tags: Vec<Tag>) -> Labels {
    let tags = tags.into_iter();
    Labels {
        group,
        name,
        tags: tags.map(|tag| (tag.name, tag.value)).collect(),
    }
}

fn timeout(asked: Option<u64>) -> Result<Duration, ErrorCode> {
    match asked {
        Some(0) => Err(invalid("options.timeout", "it is zero")),
        asked => Ok(asked.map_or(RTMP_TIMEOUT, duration)),
    }
}

/// What to publish as. Lifted into a box and looked through here, as all options: on the fiber's stack they would stay for ever.
#[inline(never)]
pub(super) fn publish(
    name: String,
    options: Option<wit::PublishOptions>,
    group: GroupId,
) -> Result<(PublishRequest, Labels), ErrorCode> {
    let options = options.unwrap_or(wit::PublishOptions {
        timeout: None,
        kind: None,
        stamping: None,
        unsent_max: None,
        name: None,
        tags: Vec::new(),
    });
    if options.unsent_max == Some(0) {
        return Err(invalid("options.unsent-max", "it is zero"));
    }
    let request = PublishRequest {
        name,
        timeout: timeout(options.timeout)?,
        kind: match options.kind {
            None | Some(wit::PublishKind::Live) => PublishKind::Live,
            Some(wit::PublishKind::Record) => PublishKind::Record,
            Some(wit::PublishKind::Append) => PublishKind::Append,
        },
        stamping: match options.stamping {
            None | Some(wit::Stamping::DataMessage) => Stamping::DataMessage,
            Some(wit::Stamping::Metadata) => Stamping::Metadata,
            Some(wit::Stamping::None) => Stamping::None,
        },
        unsent_max: options.unsent_max.map_or(RTMP_UNSENT_TIMEOUT, duration),
    };
    Ok((request, labels(group, options.name, options.tags)))
}

/// How an asset is published.
pub(super) fn asset(options: Option<wit::AssetOptions>) -> Result<AssetOptions, ErrorCode> {
    let Some(options) = options else {
        return Ok(AssetOptions::default());
    };
    if options.rounds == Some(0) {
        return Err(invalid("options.rounds", "it is zero"));
    }
    Ok(AssetOptions {
        rounds: options.rounds,
        ahead: options.ahead.map_or(Duration::ZERO, duration),
    })
}

/// What to play.
#[inline(never)]
pub(super) fn play(
    name: String,
    options: Option<wit::PlayOptions>,
    group: GroupId,
) -> Result<(Box<PlayRequest>, Labels), ErrorCode> {
    let mut options = options.unwrap_or_else(play_defaults);
    let start = match options.start {
        None | Some(wit::Start::LiveOrRecorded) => PlayStart::LiveOrRecorded,
        Some(wit::Start::Live) => PlayStart::Live,
        Some(wit::Start::Recorded(from)) => PlayStart::Recorded(duration(from)),
    };
    let labels = labels(
        group,
        options.name.take(),
        std::mem::take(&mut options.tags),
    );
    let request = PlayRequest {
        name,
        start,
        length: options.length.map(duration),
        buffer: options.buffer.map_or(RTMP_BUFFER, duration),
        options: played(options)?,
    };
    Ok((Box::new(request), labels))
}

/// What to play over HTTP.
pub(crate) fn flv(dial: FlvDial) -> Result<(FlvRequest, Labels), ErrorCode> {
    let FlvDial {
        url,
        headers,
        options,
        group,
    } = dial;
    let mut options = options.map_or_else(play_defaults, |options| *options);
    for (field, is_given) in [
        ("options.start", options.start.is_some()),
        ("options.length", options.length.is_some()),
        ("options.buffer", options.buffer.is_some()),
    ] {
        if is_given {
            return Err(invalid(field, "it is not there over HTTP"));
        }
    }
    let labels = labels(
        group,
        options.name.take(),
        std::mem::take(&mut options.tags),
    );
    let request = FlvRequest {
        url,
        headers,
        options: played(options)?,
    };
    Ok((request, labels))
}

fn play_defaults() -> wit::PlayOptions {
    wit::PlayOptions {
        timeout: None,
        start: None,
        length: None,
        buffer: None,
        stall_after: None,
        lag_after: None,
        silence_max: None,
        frames: None,
        payload: false,
        name: None,
        tags: Vec::new(),
    }
}

/// How it is played, over whatever it comes.
fn played(options: wit::PlayOptions) -> Result<PlayOptions, ErrorCode> {
    let stall_after = options.stall_after.map_or(RTMP_STALL_AFTER, duration);
    if stall_after < RTMP_STALL_AFTER_MIN {
        let fault = format!("it is less than {RTMP_STALL_AFTER_MIN:?}");
        return Err(invalid("options.stall-after", fault));
    }
    if options.silence_max == Some(0) {
        return Err(invalid("options.silence-max", "it is zero"));
    }
    let frames = options
        .frames
        .map(|asked| inbox::options(Some(asked), INBOX_BYTES_DEFAULT));
    Ok(PlayOptions {
        timeout: timeout(options.timeout)?,
        stall_after,
        lag_after: options.lag_after.map_or(RTMP_LAG_AFTER, duration),
        silence_max: options.silence_max.map(duration),
        frames: frames.transpose().map_err(ErrorCode::InvalidRequest)?,
        payload: options.payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> GroupId {
        GroupId::ROOT
    }

    fn field_of<T>(outcome: Result<T, ErrorCode>) -> String {
        match outcome {
            Err(ErrorCode::InvalidRequest(text)) => {
                text.split(':').next().unwrap_or_default().to_owned()
            }
            Err(other) => panic!("{other:?}"),
            Ok(_) => "none".to_owned(),
        }
    }

    #[test]
    fn a_trace_shows_no_password() {
        for (url, shown) in [
            ("rtmp://u:p@host:1935/live", "\"rtmp://host:1935/live\""),
            ("rtmp://host/live?k=a@b", "\"rtmp://host/live?k=a@b\""),
        ] {
            assert_eq!(format!("{:?}", PublicUrl(url)), shown);
        }
        let options = wit::ConnectOptions {
            credentials: Some(wit::Credentials {
                user: "anna".to_owned(),
                password: "secret".to_owned(),
            }),
            ..connect_defaults()
        };
        let shown = format!("{:?}", Asked(Some(&options)));
        assert!(
            shown.contains("anna") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_played_over_http_is_named_by_host_and_path() {
        for (url, name) in [
            (
                "http://a:b@host:8080/live/x.flv?t=1",
                "host:8080/live/x.flv",
            ),
            ("https://host", "host/"),
        ] {
            assert_eq!(name_of(url), name);
        }
    }

    #[test]
    fn players_have_the_contracts_defaults() {
        let (request, labels) = play("key".to_owned(), None, group()).unwrap();
        assert_eq!(request.start, PlayStart::LiveOrRecorded);
        assert_eq!(request.buffer, Duration::from_secs(3));
        assert_eq!(request.options.timeout, Duration::from_secs(30));
        assert_eq!(request.options.stall_after, Duration::from_millis(500));
        assert_eq!(request.options.lag_after, Duration::from_secs(3));
        assert!(request.options.frames.is_none() && labels.name.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_said_by_its_field() {
        let of = |options| field_of(play("key".to_owned(), Some(options), group()));
        let timeout = Some(0);
        assert_eq!(
            of(wit::PlayOptions {
                timeout,
                ..play_defaults()
            }),
            "options.timeout"
        );
        let stall_after = Some(49_000_000);
        assert_eq!(
            of(wit::PlayOptions {
                stall_after,
                ..play_defaults()
            }),
            "options.stall-after"
        );
        let rounds = wit::AssetOptions {
            rounds: Some(0),
            ahead: None,
        };
        assert_eq!(field_of(asset(Some(rounds))), "options.rounds");
        let over_http = FlvDial {
            url: "http://host/x.flv".to_owned(),
            headers: Vec::new(),
            options: Some(Box::new(wit::PlayOptions {
                start: Some(wit::Start::Live),
                ..play_defaults()
            })),
            group: group(),
        };
        assert_eq!(field_of(flv(over_http)), "options.start");
    }
}
