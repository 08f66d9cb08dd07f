//! Checks and groups: what should have been so, and what belongs together.

use crate::bindings::lt::scenario::metrics as host;

/// Record the outcome of a named check. A failed check does not fail the iteration; it feeds `checks` and the summary's
/// list. Returns `ok`. The [`check!`](crate::check!) macro takes several at once.
///
/// ```no_run
/// # fn buy() -> lt_sdk::Result<()> {
/// # let (stock, response) = (1, lt_sdk::http::get("").send()?);
/// if !lt_sdk::check::check("still in stock", stock > 0) {
///     return Ok(());
/// }
/// # Ok(())
/// # }
/// ```
pub fn check(name: &str, ok: bool) -> bool {
    host::check(name, ok)
}

/// One line of `check!` over a subject: the function's parameter type is known from the subject.
#[doc(hidden)]
pub fn check_with<T: ?Sized>(subject: &T, name: &str, test: impl FnOnce(&T) -> bool) -> bool {
    check(name, test(subject))
}

/// Record checks: one with a condition, or several on one value. True if all hold.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// # fn iterate() -> Result<()> {
/// let response = http::get("http://127.0.0.1:8080/items").send()?;
/// check!("status is 200", response.status() == 200);
/// let fine = check!(response, {
///     "is JSON" => |r| r.header("content-type").as_deref() == Some("application/json"),
///     "is small" => |r| r.body_length() < 10_000,
/// });
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! check {
    ($subject:expr, { $($name:expr => $test:expr),+ $(,)? }) => {{
        let subject = &$subject;
        // Every check is recorded, also after one that failed.
        let mut all = true;
        $(all &= $crate::check::check_with(subject, $name, $test);)+
        all
    }};
    ($name:expr, $ok:expr $(,)?) => {
        $crate::check::check($name, $ok)
    };
}

/// Do something inside a group: its samples carry the group's path, and `group_duration` is recorded. Groups nest.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// # fn iterate() -> Result<()> {
/// let page = group("sign in", || http::get("http://127.0.0.1:8080/login").send())?;
/// # Ok(())
/// # }
/// ```
pub fn group<T>(name: &str, inside: impl FnOnce() -> T) -> T {
    let _group = Group::start(name);
    inside()
}

/// An open group; ends when dropped. For `async` code, and where a closure is in the way.
///
/// The host knows one stack of groups a user: branches that run at the same time must not each open one.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// # async fn iterate() -> Result<()> {
/// let browsing = Group::start("browse");
/// let page = http::get("http://127.0.0.1:8080/items").await?;
/// browsing.end();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a group ends when it is dropped"]
pub struct Group(());

impl Group {
    /// Enter a group.
    ///
    /// ```no_run
    /// let _browsing = lt_sdk::check::Group::start("browse");
    /// ```
    pub fn start(name: &str) -> Self {
        host::group_start(name);
        Self(())
    }

    /// Leave the group; the same as dropping it, where that reads better.
    ///
    /// ```no_run
    /// let browsing = lt_sdk::check::Group::start("browse");
    /// browsing.end();
    /// ```
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        host::group_end();
    }
}
