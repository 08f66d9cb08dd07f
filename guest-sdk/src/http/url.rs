//! References in pages, made absolute.

use crate::text::{cut, find};

/// The absolute URL of a reference found in the page at `base` (RFC 3986, section 5.2), without its fragment.
///
/// For `http` and `https` bases. What is absolute already comes back as it is.
///
/// ```
/// use lt_sdk::http::resolve;
///
/// let page = "http://127.0.0.1:8080/shop/items?page=2";
/// assert_eq!(resolve(page, "../login"), "http://127.0.0.1:8080/login");
/// assert_eq!(resolve(page, "?page=3"), "http://127.0.0.1:8080/shop/items?page=3");
/// assert_eq!(resolve(page, "//cdn.test/a.png"), "http://cdn.test/a.png");
/// ```
#[must_use]
pub fn resolve(base: &str, reference: &str) -> String {
    let reference = without_fragment(reference.trim_ascii());
    if has_scheme(reference) {
        return reference.to_owned();
    }
    let base = without_fragment(base);
    if reference.is_empty() {
        return base.to_owned();
    }
    let (scheme, behind) = cut(base, find(base, "://").map_or(0, |at| at + 3));
    if let Some(authority_and_path) = reference.strip_prefix("//") {
        return [scheme, authority_and_path].concat();
    }
    let (authority, path_and_query) = cut(behind, behind.find(['/', '?']).unwrap_or(behind.len()));
    let base_path = path_and_query.split('?').next().unwrap_or("");
    if reference.starts_with('?') {
        let path = if base_path.is_empty() { "/" } else { base_path };
        return [scheme, authority, path, reference].concat();
    }
    let (path, query) = cut(reference, reference.find('?').unwrap_or(reference.len()));
    let directory = match base_path.rfind('/') {
        _ if path.starts_with('/') => "",
        Some(at) => cut(base_path, at + 1).0,
        None => "/",
    };
    [scheme, authority, &without_dots(directory, path), query].concat()
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or("")
}

/// Whether a reference begins with a scheme (RFC 3986, section 3.1) and is therefore absolute.
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// A directory and a path below it, with `.` and `..` taken (RFC 3986, section 5.2.4).
fn without_dots(directory: &str, path: &str) -> String {
    let whole = [directory, path].concat();
    let mut segments: Vec<&str> = Vec::new();
    for segment in whole.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    // A last segment of dots names a directory.
    let directory = matches!(whole.rsplit('/').next(), Some("." | ".."));
    let mut merged = String::with_capacity(whole.len() + 1);
    for segment in &segments {
        merged.push('/');
        merged.push_str(segment);
    }
    if directory || segments.is_empty() {
        merged.push('/');
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, expected: &str) {
        assert_eq!(
            resolve("http://a/b/c/d;p?q", reference),
            expected,
            "{reference}"
        );
    }

    #[test]
    fn normal_examples_of_rfc_3986_section_5_4_1() {
        check("g:h", "g:h");
        check("g", "http://a/b/c/g");
        check("./g", "http://a/b/c/g");
        check("g/", "http://a/b/c/g/");
        check("/g", "http://a/g");
        check("//g", "http://g");
        check("?y", "http://a/b/c/d;p?y");
        check("g?y", "http://a/b/c/g?y");
        check(";x", "http://a/b/c/;x");
        check("g;x?y#s", "http://a/b/c/g;x?y");
        check("", "http://a/b/c/d;p?q");
        check(".", "http://a/b/c/");
        check("./", "http://a/b/c/");
        check("..", "http://a/b/");
        check("../g", "http://a/b/g");
        check("../..", "http://a/");
        check("../../g", "http://a/g");
    }

    #[test]
    fn abnormal_examples_of_rfc_3986_section_5_4_2() {
        check("../../../g", "http://a/g");
        check("/./g", "http://a/g");
        check("/../g", "http://a/g");
        check("g.", "http://a/b/c/g.");
        check("..g", "http://a/b/c/..g");
        check("./g/.", "http://a/b/c/g/");
        check("g;x=1/../y", "http://a/b/c/y");
        check("g?y/../x", "http://a/b/c/g?y/../x");
    }

    #[test]
    fn a_base_without_a_path() {
        assert_eq!(resolve("http://a:8080", "login"), "http://a:8080/login");
        assert_eq!(resolve("http://a:8080?q", "?r"), "http://a:8080/?r");
        assert_eq!(resolve("http://a:8080", "time:12"), "time:12");
        assert_eq!(
            resolve("http://a/b", "c?u=http://d"),
            "http://a/c?u=http://d"
        );
    }
}
