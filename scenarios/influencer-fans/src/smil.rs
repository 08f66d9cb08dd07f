//! The answer of a redirect: SMIL, of which only the base of all addresses counts.

/// Stands in a base for the instance of the application, where the stream's name is to be put.
const DEFAULT_INSTANCE: &str = "_definst_";

/// The base of a SMIL document: the attribute `base` of the first `meta` that has one.
pub(crate) fn base(document: &str) -> Option<String> {
    let text = without_comments(document);
    let mut rest = text.as_str();
    while let Some((_, behind)) = rest.split_once('<') {
        let (tag, after) = behind.split_once('>')?;
        if let Some(base) = attributes_of_meta(tag).and_then(|attributes| value(attributes, "base"))
        {
            return Some(unescaped(base));
        }
        rest = after;
    }
    None
}

/// Where a fan watches: the base with a stream's name instead of the default instance.
pub(crate) fn stream_url(base: &str, source: &str) -> String {
    let base = base.trim().trim_end_matches('/');
    base.replace(DEFAULT_INSTANCE, source)
}

fn without_comments(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    let mut rest = document;
    while let Some((before, comment)) = rest.split_once("<!--") {
        text.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text
}

/// What stands behind the name of a tag, if that is `meta`, with whatever prefix.
fn attributes_of_meta(tag: &str) -> Option<&str> {
    let end = tag.find(|char: char| char.is_whitespace() || char == '/')?;
    let (name, attributes) = tag.split_at_checked(end)?;
    let local = name.rsplit(':').next().unwrap_or(name);
    local.eq_ignore_ascii_case("meta").then_some(attributes)
}

/// The value of an attribute, between quotes of either kind.
fn value<'t>(attributes: &'t str, wanted: &str) -> Option<&'t str> {
    let mut rest = attributes;
    while let Some((name, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let quote = behind
            .chars()
            .next()
            .filter(|it| matches!(it, '"' | '\''))?;
        let (value, after) = behind.strip_prefix(quote)?.split_once(quote)?;
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// A value without the five entities of XML, the ampersand last: it may be part of what was escaped twice.
fn unescaped(value: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let text = value.to_owned();
    entities
        .iter()
        .fold(text, |text, (entity, char)| text.replace(entity, char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_found_wherever_it_stands() {
        for document in [
            "<smil><head><meta base=\"rtmp://a:1935/live/_definst_/\"/></head><body><switch/></body></smil>",
            "<?xml version='1.0'?>\n<smil>\n<head>\n<meta name='x' content=\"y\" />\n<META\n base = 'rtmp://a:1935/live/_definst_/' >\n</META></head></smil>",
            "<smil><head><!-- <meta base='rtmp://old'/> --><meta httpBase='http://a' base='rtmp://a:1935/live/_definst_/'/></head></smil>",
            "<s:smil xmlns:s='x'><s:head><s:meta base='rtmp://a:1935/live/_definst_/'/></s:head></s:smil>",
        ] {
            assert_eq!(
                base(document).as_deref(),
                Some("rtmp://a:1935/live/_definst_/"),
                "{document}"
            );
        }
        let escaped = "<smil><meta base='rtmp://a/b?c=1&amp;d=&quot;'/></smil>";
        assert_eq!(base(escaped).as_deref(), Some("rtmp://a/b?c=1&d=\""));
    }

    #[test]
    fn what_has_no_base_is_none() {
        for document in [
            "",
            "not found",
            "<smil><head><meta name='base' content='x'/></head></smil>",
            "<smil><head><metadata base='x'/></head></smil>",
            "<smil><head><meta base=rtmp://a/></head></smil>",
            "<smil><head><meta base='rtmp://a",
            "<smil><!-- <meta base='rtmp://a'/>",
            "<meta/>",
            "<",
        ] {
            assert_eq!(base(document), None, "{document}");
        }
    }

    #[test]
    fn the_streams_name_takes_the_place_of_the_instance() {
        let url = |base| stream_url(base, "star_source");
        assert_eq!(
            url("rtmp://a:1935/live/_definst_/"),
            "rtmp://a:1935/live/star_source"
        );
        assert_eq!(
            url(" rtmp://a/live/_definst_\n"),
            "rtmp://a/live/star_source"
        );
        assert_eq!(url("rtmp://a/live/other"), "rtmp://a/live/other");
    }
}
