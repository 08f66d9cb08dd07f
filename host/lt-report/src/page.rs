//! The page that shows runs: the files a server hands out under `/page/`, and the same page filled in with one run, which is
//! `report.html`.
//!
//! The files lie in `page/` beside the sources and are part of the program: nothing is fetched from elsewhere. Their modules name
//! each other by bare specifiers (`lt/charts.js`). An import map says where those are: under `/page/` when served, in `data:` URLs in
//! a report, so that the same modules run in one file without a server.

mod report;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use report::{REPORT_BYTES_MAX, REPORT_POINTS_MAX, ReportPage, write_report};

/// Where a server hands out the files, and where [`index`] looks for them.
pub const PREFIX: &str = "/page/";
/// What the modules' names begin with in `import`.
const SPECIFIER: &str = "lt/";
/// Bytes of a hash in an entity tag: files of one build are told from those of another, nobody forges them.
const ETAG_BYTES: usize = 8;
/// Where the head of the document goes on, in `index.html`.
const HEAD_MARK: &str = "<!-- head -->";
/// Where data goes.
const DATA_MARK: &str = "<!-- data -->";

const TEMPLATE: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/app.css");
const ICON: &str = include_str!("../page/icon.svg");
const THEME: &str = include_str!("../page/theme.js");
const UPLOT: &str = include_str!("../page/vendor/uplot.js");
const UPLOT_STYLE: &str = include_str!("../page/vendor/uplot.css");
const UPLOT_LICENSE: &str = include_str!("../page/vendor/uplot-LICENSE.txt");

macro_rules! modules {
    ($($name:literal)*) => {
        /// The modules of the page, by file name. The first begins.
        const MODULES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../page/", $name)))),*];
    };
}

modules! {
    "app.js"
    "api.js"
    "charts.js"
    "controls.js"
    "dom.js"
    "form.js"
    "format.js"
    "history.js"
    "home.js"
    "logs.js"
    "panels.js"
    "run.js"
    "start.js"
    "summary.js"
    "swap.js"
}

/// A file of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// What it holds.
    pub bytes: &'static [u8],
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `ETag`, with its quotation marks: another build with other bytes has another one.
    pub etag: String,
}

/// The file of this name, which is what follows [`PREFIX`] in the URL; `None` if there is none. Nothing is read from a disk, so no
/// path leads anywhere else.
#[must_use]
pub fn asset(name: &str) -> Option<Asset> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let (text, content_type) = match name {
        "app.css" => (STYLE, "text/css; charset=utf-8"),
        "uplot.css" => (UPLOT_STYLE, "text/css; charset=utf-8"),
        "icon.svg" => (ICON, "image/svg+xml"),
        "theme.js" => (THEME, SCRIPT),
        "uplot.js" => (UPLOT, SCRIPT),
        "uplot-LICENSE.txt" => (UPLOT_LICENSE, "text/plain; charset=utf-8"),
        _ => {
            let (_, text) = MODULES.iter().find(|(module, _)| *module == name)?;
            (*text, SCRIPT)
        }
    };
    let hash = Sha256::digest(text);
    let tag: String = hash
        .iter()
        .take(ETAG_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(Asset {
        bytes: text.as_bytes(),
        content_type,
        etag: format!("\"{tag}\""),
    })
}

/// The document at `/`. It holds nothing of any run: what it shows it asks of `/v1`, with the token if one is needed.
#[must_use]
pub fn index() -> String {
    let map = served_map();
    let head = format!(
        "<link rel=\"icon\" href=\"{PREFIX}icon.svg\">\n\
         <link rel=\"stylesheet\" href=\"{PREFIX}uplot.css\">\n\
         <link rel=\"stylesheet\" href=\"{PREFIX}app.css\">\n\
         <script src=\"{PREFIX}theme.js\"></script>\n\
         <script src=\"{PREFIX}uplot.js\"></script>\n\
         <script type=\"importmap\">{map}</script>\n\
         <script type=\"module\" src=\"{PREFIX}app.js\"></script>"
    );
    TEMPLATE.replace(HEAD_MARK, &head).replace(DATA_MARK, "")
}

/// The `Content-Security-Policy` that [`index`] is sent with: scripts, styles and calls are the host's own, the one inline block is
/// named by its hash, and no other page may frame it.
#[must_use]
pub fn index_csp() -> String {
    format!(
        "default-src 'none'; script-src 'self' '{}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        csp_hash(&served_map())
    )
}

fn served_map() -> String {
    import_map(|name, _| format!("{PREFIX}{name}"))
}

/// An import map of all modules, each where `place` says.
fn import_map(place: impl Fn(&str, &str) -> String) -> String {
    let places: Map<String, Value> = MODULES
        .iter()
        .map(|(name, text)| {
            let place = Value::String(place(name, text));
            (format!("{SPECIFIER}{name}"), place)
        })
        .collect();
    let mut map = Map::new();
    map.insert("imports".to_owned(), Value::Object(places));
    Value::Object(map).to_string()
}

/// A file as a URL that holds it.
fn data_url(media_type: &str, text: &str) -> String {
    format!("data:{media_type};base64,{}", BASE64.encode(text))
}

/// What names an inline block in a policy.
fn csp_hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text)))
}
