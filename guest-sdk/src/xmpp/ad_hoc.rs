//! Ad-hoc commands (XEP-0050): what a server or a service lets one do, step by step.

use super::queries::addressed;
use super::{Element, Form, Result, Stanza, disco};

const COMMANDS: &str = "http://jabber.org/protocol/commands";

/// Ask which commands there are (XEP-0050, section 2.2); [`disco::read_items`] reads the answer.
///
/// ```
/// let request = lt_sdk::xmpp::ad_hoc::list("localhost");
/// assert!(request.to_string().contains("node='http://jabber.org/protocol/commands'"));
/// ```
pub fn list(to: &str) -> Element {
    disco::items(to, COMMANDS)
}

fn command(to: &str, node: &str, action: &str) -> Element {
    let command = Element::new("command")
        .namespace(COMMANDS)
        .attribute("node", node)
        .attribute("action", action);
    addressed(super::set(command), to)
}

/// Begin a command (XEP-0050, section 2.3).
///
/// ```
/// let request = lt_sdk::xmpp::ad_hoc::execute("localhost", "uptime");
/// assert!(request.to_string().contains("node='uptime' action='execute'"));
/// ```
pub fn execute(to: &str, node: &str) -> Element {
    command(to, node, "execute")
}

/// A command under way, or done.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::ad_hoc;
///
/// let began = ad_hoc::read(&session.request(&ad_hoc::execute("localhost", "announce"))?)?;
/// let form = began.form.clone().unwrap_or_default().set("text", "hello");
/// let done = ad_hoc::read(&session.request(&began.go_on("localhost", "complete", &form))?)?;
/// lt_sdk::check!("it is done", done.is_completed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// Its name.
    pub node: String,
    /// Tells this use of it from others.
    pub session_id: String,
    /// `executing`, `completed`, `canceled`.
    pub status: String,
    /// What is to be filled in, or the result.
    pub form: Option<Form>,
    /// What it says in words; empty if nothing.
    pub note: String,
}

impl Command {
    /// Whether it is done.
    ///
    /// ```
    /// assert!(!lt_sdk::xmpp::ad_hoc::Command::default().is_completed());
    /// ```
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.status == "completed"
    }

    /// Go on with it (XEP-0050, section 2.4): `next`, `prev` or `complete`, with what was filled in.
    ///
    /// ```
    /// use lt_sdk::xmpp::{Form, ad_hoc::Command};
    ///
    /// let request = Command::default().go_on("localhost", "next", &Form::new("").set("text", "hello"));
    /// assert!(request.to_string().contains("action='next'"));
    /// ```
    pub fn go_on(&self, to: &str, action: &str, form: &Form) -> Element {
        self.action(to, action, Some(form.submit()))
    }

    /// Give it up (XEP-0050, section 2.4).
    ///
    /// ```
    /// let request = lt_sdk::xmpp::ad_hoc::Command::default().cancel("localhost");
    /// assert!(request.to_string().contains("action='cancel'"));
    /// ```
    pub fn cancel(&self, to: &str) -> Element {
        self.action(to, "cancel", None)
    }

    fn action(&self, to: &str, action: &str, form: Option<Element>) -> Element {
        let command = Element::new("command")
            .namespace(COMMANDS)
            .attribute("node", self.node.as_str())
            .attribute("sessionid", self.session_id.as_str())
            .attribute("action", action)
            .with_children(form);
        addressed(super::set(command), to)
    }
}

/// The command in an answer.
///
/// # Errors
/// If there is none in it.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::ad_hoc;
///
/// let uptime = ad_hoc::read(&session.request(&ad_hoc::execute("localhost", "uptime"))?)?;
/// # Ok(())
/// # }
/// ```
pub fn read(answer: &Stanza) -> Result<Command> {
    let command = answer.payload("command", COMMANDS)?;
    let text = |name| command.attr(name).unwrap_or_default().to_owned();
    Ok(Command {
        node: text("node"),
        session_id: text("sessionid"),
        status: text("status"),
        form: command.find("{jabber:x:data}x").map(Form::from_element),
        note: command.value("note").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::stanza::tests::stanza;
    use super::*;

    #[test]
    fn commands_are_as_in_the_specification() {
        assert_eq!(
            execute("responder@domain", "list").to_xml(),
            "<iq type='set' to='responder@domain'><command xmlns='http://jabber.org/protocol/commands' node='list' action='execute'/></iq>"
        );
        let answer = stanza(
            "<iq type='result'><command xmlns='http://jabber.org/protocol/commands' sessionid='list:1' node='list' status='executing'>\
             <note type='info'>choose</note><x xmlns='jabber:x:data' type='form'><field var='a'><value>1</value></field></x></command></iq>",
        );
        let command = read(&answer).unwrap();
        assert!(!command.is_completed());
        assert_eq!(command.note, "choose");
        let form = command.form.clone().unwrap().set("a", "2");
        assert_eq!(
            command.go_on("r", "complete", &form).to_xml(),
            "<iq type='set' to='r'><command xmlns='http://jabber.org/protocol/commands' node='list' sessionid='list:1' action='complete'>\
             <x xmlns='jabber:x:data' type='submit'><field var='a'><value>2</value></field></x></command></iq>"
        );
        assert!(command.cancel("r").to_xml().contains("action='cancel'/>"));
    }
}
