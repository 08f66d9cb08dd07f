//! Addresses: templates of them, and what of one is the application and what the stream.

/// What braces in a template stand for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fill<'a> {
    /// `{origin}`: host of the server that takes the stream.
    pub(crate) origin: &'a str,
    /// `{stream}`: its name.
    pub(crate) stream: &'a str,
    /// `{key}`: what a publisher needs to be let in.
    pub(crate) key: &'a str,
}

/// A template filled in. Other braces stay.
pub(crate) fn fill(template: &str, with: Fill<'_>) -> String {
    let mut url = String::with_capacity(template.len() + with.origin.len() + with.stream.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        url.push_str(before);
        let known = behind.split_once('}').and_then(|(name, after)| {
            let value = match name {
                "origin" => with.origin,
                "stream" => with.stream,
                "key" => with.key,
                _ => return None,
            };
            Some((value, after))
        });
        // What was put in is not looked at again: a name that holds a brace stays as it is.
        rest = match known {
            Some((value, after)) => {
                url.push_str(value);
                after
            }
            None => {
                url.push('{');
                behind
            }
        };
    }
    url + rest
}

/// Whether it begins with one of these, each with `://` behind it.
pub(crate) fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    url.split_once("://")
        .is_some_and(|(scheme, _)| schemes.iter().any(|it| scheme.eq_ignore_ascii_case(it)))
}

/// The URL of the application, and the stream's name with its query: the name is what stands behind the last slash of the path.
pub(crate) fn split_stream(url: &str) -> Option<(&str, &str)> {
    let path_end = url.find('?').unwrap_or(url.len());
    let (path, _) = url.split_at_checked(path_end)?;
    let host = path.find("://")? + "://".len();
    let app = host + path.get(host..)?.find('/')? + 1;
    let slash = path.rfind('/').filter(|&slash| slash > app)?;
    let (application, stream) = url.split_at_checked(slash)?;
    let stream = stream.strip_prefix('/')?;
    (!stream.is_empty() && !stream.starts_with('?')).then_some((application, stream))
}

/// It without what may be a secret in it: its query, and who stands before the host.
pub(crate) fn public(url: &str) -> String {
    let plain = url.split('?').next().unwrap_or_default();
    let Some((scheme, behind)) = plain.split_once("://") else {
        return plain.to_owned();
    };
    let (host, path) = behind.split_once('/').unwrap_or((behind, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let slash = if behind.contains('/') { "/" } else { "" };
    [scheme, "://", host, slash, path].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_once() {
        let with = Fill {
            origin: "10.0.0.7",
            stream: "{key}",
            key: "secret",
        };
        assert_eq!(
            fill("rtmp://{origin}:1935/live/{stream}?k={key}", with),
            "rtmp://10.0.0.7:1935/live/{key}?k=secret"
        );
        for same in ["rtmp://a/b", "{", "}", "{other}", "{origin", ""] {
            assert_eq!(fill(same, with), same);
        }
        assert_eq!(fill("{other}{stream}", with), "{other}{key}");
    }

    #[test]
    fn the_stream_is_the_last_of_the_path() {
        assert_eq!(
            split_stream("rtmp://a:1935/live/star?key=b/c"),
            Some(("rtmp://a:1935/live", "star?key=b/c"))
        );
        assert_eq!(
            split_stream("rtmp://a/live/_definst_/star"),
            Some(("rtmp://a/live/_definst_", "star"))
        );
        for none in [
            "rtmp://a/live",
            "rtmp://a/live/",
            "rtmp://a/live/?key=b",
            "rtmp://a//star",
            "rtmp://a",
            "live/star",
            "",
        ] {
            assert_eq!(split_stream(none), None, "{none}");
        }
    }

    #[test]
    fn schemes_are_known_in_any_case() {
        assert!(has_scheme("RTMP://a/b/c", &["rtmp", "rtmps"]));
        assert!(!has_scheme("rtmpt://a/b/c", &["rtmp", "rtmps"]));
        assert!(!has_scheme("rtmp:/a", &["rtmp"]) && !has_scheme("", &[""]));
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(
            public("rtmp://star:word@a:1935/live/s?key=k"),
            "rtmp://a:1935/live/s"
        );
        assert_eq!(public("http://a"), "http://a");
        assert_eq!(public("http://a/@b/c"), "http://a/@b/c");
    }
}
