//! What the versions of one scenario share: each is a guest of its own, and they are put in each other's place while they run.

use lt_sdk::metrics::{Counter, Kind, Unit};
use lt_sdk::prelude::*;

/// What every version declares.
#[derive(Settings)]
pub struct Options {
    /// The server, without a path
    pub url: String,
    /// Length of an iteration, but for the request
    #[setting(default = "20ms")]
    pub pause: Live<Duration>,
    /// A word that each request says
    #[setting(default = "none", allowed("none", "calm", "busy"))]
    pub mood: Live<String>,
}

/// A version's description: what they have in common.
#[must_use]
pub fn described(version: &str) -> Description {
    Description::new("swap", version, "Tells a server which version it is")
        .metric("pages", "Pages seen", Kind::Counter, Unit::None)
        .users(2)
        .duration(Duration::from_secs(10))
}

/// What `init` left a user, as a text.
#[must_use]
pub fn text_of(state: &[u8]) -> String {
    String::from_utf8_lossy(state).into_owned()
}

/// One iteration of a version: a request to `{url}/vN?user=ID&number=N&mood=MOOD&state=STATE`, one page counted, a pause.
///
/// # Errors
/// If the server does not answer with 200.
pub fn page(options: &Options, path: &str, it: &Iteration, state: &str) -> Result<()> {
    let (user, number) = (user::id(), it.number);
    let (url, mood) = (&options.url, options.mood.get()?);
    let query = format!("user={user}&number={number}&mood={mood}&state={state}");
    let status = http::get(format!("{url}/{path}?{query}"))
        .name(path)
        .send()?
        .status();
    ensure!(status == 200, "status {status}");
    Counter::open("pages")?.add(1)?;
    timing::sleep(options.pause.get()?);
    Ok(())
}

/// What `terminate` tells: which version it is, and what `init` left: `{url}/end?user=0&number=0&version=VERSION&state=STATE`.
///
/// # Errors
/// If the server does not answer.
pub fn end(version: &str, state: &[u8]) -> Result<()> {
    let url = user::setting("url").context("the setting is required")?;
    let state = text_of(state);
    let query = format!("user=0&number=0&version={version}&state={state}");
    http::get(format!("{url}/end?{query}")).name("end").send()?;
    Ok(())
}
