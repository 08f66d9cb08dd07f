//! Who a user is to the server: its account, its session, and the page of its event.

use lt_sdk::html::Form;
use lt_sdk::prelude::*;

use crate::page;

/// The hidden field that says that a form comes from the server's own page.
const CSRF_FIELD: &str = "csrfmiddlewaretoken";

/// One user's account at the server, and the event that it is for.
pub(crate) struct Account<'a> {
    /// Where the server is, without a slash at the end.
    pub(crate) base: &'a str,
    /// The event.
    pub(crate) slug: &'a str,
    /// The user's name there.
    pub(crate) name: &'a str,
    /// Its password.
    pub(crate) password: &'a str,
    /// Whether to register it; otherwise it is there already.
    pub(crate) may_register: bool,
}

/// A form to send.
struct Step {
    /// Name of its request, and what is being done.
    name: &'static str,
    /// Name of the request for its page.
    page_name: &'static str,
    path: &'static str,
    /// A field by which the form is known among those of the page.
    field: &'static str,
    /// Why a server shows it again, most likely.
    shown_again: &'static str,
}

const SIGN_UP: Step = Step {
    name: "signup",
    page_name: "signup page",
    path: "/accounts/signup/",
    field: "password1",
    shown_again: "the name is taken, or the password is refused",
};
const LOG_IN: Step = Step {
    name: "login",
    page_name: "login page",
    path: "/accounts/login/",
    field: "password",
    shown_again: "wrong password, or the name is unknown",
};

impl Account<'_> {
    /// The session of the run before, if one is in the run's store (`--state-file` keeps it) and still good, else a new one. Returns the
    /// breakouts that the event's page offers. What fails may be tried again: whatever went well before is found.
    ///
    /// # Errors
    /// If the server cannot be reached, lets this user neither register nor log in, or has no such event.
    pub(crate) fn enter(&self) -> Result<Vec<u64>> {
        let entered = self.resume().and_then(|breakouts| match breakouts {
            Some(breakouts) => Ok(breakouts),
            None => self.sign_in(),
        });
        check!("signed in", entered.is_ok());
        // What follows are sockets: no connection for pages has to stay open.
        http::close_connections();
        entered
    }

    /// The event's breakouts if the cookies at hand, or those kept from before, still are a session.
    fn resume(&self) -> Result<Option<Vec<u64>>> {
        if http::cookies(self.base)?.is_empty() {
            match self.take_up() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    log::warn!("cannot use the session that was kept, and sign in anew: {error}");
                    return Ok(None);
                }
            }
        }
        self.event()
    }

    /// Take the cookies that were kept, if there are some.
    fn take_up(&self) -> Result<bool> {
        let Some(kept) = data::load_text(&self.key())? else {
            return Ok(false);
        };
        for cookie in kept.lines() {
            http::set_cookie(self.base, &[cookie, "; path=/"].concat())?;
        }
        Ok(true)
    }

    /// Register or log in, and keep the session for the next run.
    fn sign_in(&self) -> Result<Vec<u64>> {
        http::clear_cookies();
        let mut said = String::new();
        if self.may_register {
            match self.sign_up()? {
                None => return self.signed_in(),
                Some(answer) => said = format!("; signup: {answer}"),
            }
        }
        match self.log_in()? {
            None => self.signed_in(),
            // Without the user's name: what failed in the same way is counted as one.
            Some(answer) => bail!("login: {answer}{said}"),
        }
    }

    fn signed_in(&self) -> Result<Vec<u64>> {
        let breakouts = self
            .event()?
            .context("event: the server sends users to log in who just did")?;
        let cookies: Vec<_> = http::cookies(self.base)?
            .into_iter()
            .map(|cookie| [cookie.name, cookie.value].join("="))
            .collect();
        if let Err(error) = data::store(&self.key(), cookies.join("\n")) {
            // The next run signs in anew: no reason to be without this user.
            log::warn!("cannot keep the session: {error}");
        }
        Ok(breakouts)
    }

    fn sign_up(&self) -> Result<Option<String>> {
        self.submit(
            &SIGN_UP,
            &[
                ("username", self.name),
                ("email", ""),
                ("password1", self.password),
                ("password2", self.password),
            ],
        )
    }

    fn log_in(&self) -> Result<Option<String>> {
        self.submit(
            &LOG_IN,
            &[("login", self.name), ("password", self.password)],
        )
    }

    /// Get a page with a form and send it filled in. `None` if the server took it, which it says with a redirect; else what it
    /// answered.
    fn submit(&self, step: &Step, fields: &[(&str, &str)]) -> Result<Option<String>> {
        let page = http::get([self.base, step.path].concat())
            .name(step.page_name)
            .keep_body()
            .send()
            .context(step.page_name)?;
        if page.status() != 200 {
            return Ok(Some(format!("the page answered {}", page.status())));
        }
        let forms = Form::all(&page.text().context(step.page_name)?);
        let form = forms
            .into_iter()
            .find(|form| form.value(CSRF_FIELD).is_some() && form.value(step.field).is_some());
        let Some(form) = form else {
            return Ok(Some(format!(
                "the page has no form with {CSRF_FIELD} and {}",
                step.field
            )));
        };
        let url = page.url();
        let answer = fields
            .iter()
            .fold(form, |form, (name, value)| form.set(name, value))
            .submit(&url)
            // Over TLS, Django takes no form without it.
            .header("referer", &url)
            .name(step.name)
            .max_redirects(0)
            .keep_body()
            .send()
            .context(step.name)?;
        Ok(match answer.status() {
            302 | 303 => None,
            200 => Some(self.shown_again(step, &answer.text().unwrap_or_default())),
            status => Some(format!("answered {status}")),
        })
    }

    /// What a form means that is there again, in the server's own words if it has some.
    fn shown_again(&self, step: &Step, page: &str) -> String {
        let likely = step.shown_again;
        match page::first_error(page) {
            Some(error) => {
                let error = error.replace(self.name, "NAME");
                format!("the server showed the form again: {likely} ({error})")
            }
            None => format!("the server showed the form again: {likely}"),
        }
    }

    /// The breakouts that the event's page offers; `None` if the server wants the user to log in first.
    fn event(&self) -> Result<Option<Vec<u64>>> {
        let page = http::get([self.base, "/event/", self.slug, "/"].concat())
            .name("event")
            .max_redirects(0)
            .keep_body()
            .send()
            .context("event")?;
        match page.status() {
            200 => {
                let found = page::breakouts(&page.text()?).context("event")?;
                if found.some_unreadable {
                    log::warn!(
                        "event {}: it has breakouts that cannot be read: users go without those",
                        self.slug
                    );
                }
                Ok(Some(found.open))
            }
            302 | 303 | 401 | 403 => Ok(None),
            status => bail!("event {}: the server answered {status}", self.slug),
        }
    }

    /// Under what the session is kept.
    fn key(&self) -> String {
        ["plenary-chat session of ", self.name, " at ", self.base].concat()
    }
}
