//! Rooms (XEP-0045).
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::xmpp::{self, Session, muc};
//!
//! # fn iterate(session: &Session) -> Result<()> {
//! let room = "lobby@muc.localhost";
//! let me = session.join_room(&muc::join(room, "user_1").history_max(0), Duration::from_secs(10))?;
//! if muc::statuses(&me).contains(&muc::CREATED) {
//!     session.request(&muc::configure_instant(room))?;
//! }
//! session.send(&xmpp::group_chat(room, "hello").with_id())?;
//! session.send(&muc::leave(room, "user_1"))?;
//! # Ok(())
//! # }
//! ```

use super::queries::addressed;
use super::{Element, Error, Filter, Form, Result, Session, Stanza, disco};
use crate::timing::Duration;

const MUC: &str = "http://jabber.org/protocol/muc";
const USER: &str = "http://jabber.org/protocol/muc#user";
const ADMIN: &str = "http://jabber.org/protocol/muc#admin";
const OWNER: &str = "http://jabber.org/protocol/muc#owner";
/// The type of the form that configures a room.
const ROOM_CONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";

/// The status of a presence that is one's own (XEP-0045, section 15.6).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::muc::SELF, 110);
/// ```
pub const SELF: u16 = 110;

/// The status of a room that was just made: it is locked until it is configured (XEP-0045, section 10.1.1).
///
/// ```
/// assert_eq!(lt_sdk::xmpp::muc::CREATED, 201);
/// ```
pub const CREATED: u16 = 201;

/// Enter a room under a nick (XEP-0045, section 7.2). [`Session::join_room`] sends it and waits until one is in.
///
/// ```
/// use lt_sdk::xmpp::{Element, muc};
///
/// let join: Element = muc::join("lobby@muc.localhost", "bob").history_max(0).into();
/// assert_eq!(
///     join.to_string(),
///     "<presence to='lobby@muc.localhost/bob'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"
/// );
/// ```
pub fn join(room: &str, nick: &str) -> Join {
    Join {
        occupant: [room, "/", nick].concat(),
        password: None,
        history: Vec::new(),
        since: None,
    }
}

/// A room to be entered; made by [`join`].
///
/// ```
/// let join = lt_sdk::xmpp::muc::join("lobby@muc.localhost", "bob").password("secret").history_max(20);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is to be sent"]
pub struct Join {
    occupant: String,
    password: Option<String>,
    history: Vec<(&'static str, u32)>,
    since: Option<String>,
}

impl Join {
    /// The room's password (XEP-0045, section 7.2.5).
    ///
    /// ```
    /// let join = lt_sdk::xmpp::muc::join("lobby@muc.localhost", "bob").password("secret");
    /// ```
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// At most this many messages of what was said before (XEP-0045, section 7.2.14).
    ///
    /// ```
    /// let join = lt_sdk::xmpp::muc::join("lobby@muc.localhost", "bob").history_max(0);
    /// ```
    pub fn history_max(mut self, messages: u32) -> Self {
        self.history.push(("maxstanzas", messages));
        self
    }

    /// Only what was said in these last seconds.
    ///
    /// ```
    /// let join = lt_sdk::xmpp::muc::join("lobby@muc.localhost", "bob").history_seconds(60);
    /// ```
    pub fn history_seconds(mut self, seconds: u32) -> Self {
        self.history.push(("seconds", seconds));
        self
    }

    /// Only what was said since this time (XEP-0082): [`date_time`](super::date_time) writes one.
    ///
    /// ```
    /// let join = lt_sdk::xmpp::muc::join("lobby@muc.localhost", "bob").history_since("2026-01-01T00:00:00Z");
    /// ```
    pub fn history_since(mut self, since: impl Into<String>) -> Self {
        self.since = Some(since.into());
        self
    }

    /// The presence that is sent.
    fn to_element(&self) -> Element {
        let mut x = Element::new("x").namespace(MUC);
        if let Some(password) = &self.password {
            x = x.child(Element::new("password").text(password.as_str()));
        }
        if !self.history.is_empty() || self.since.is_some() {
            let history = Element::new("history").attribute_some("since", self.since.as_deref());
            let limits = self.history.iter();
            x = x.child(limits.fold(history, |history, (name, limit)| {
                history.attribute(*name, limit.to_string())
            }));
        }
        super::presence().to(self.occupant.as_str()).child(x)
    }
}

impl From<Join> for Element {
    fn from(join: Join) -> Self {
        join.to_element()
    }
}

impl From<&Join> for Element {
    fn from(join: &Join) -> Self {
        join.to_element()
    }
}

impl Session {
    /// Enter a room, and wait at most this long until one is in: for one's own presence from there, which is taken out of the inbox and
    /// returned. What else the room sends (other presences, history, the subject) is received as always. The
    /// [intake](super::Account::intake) must let presences in.
    ///
    /// # Errors
    /// [`Error::Refused`] if the room says no; if the time is over, or the session has ended.
    ///
    /// ```no_run
    /// use lt_sdk::prelude::*;
    /// use lt_sdk::xmpp::{Session, muc};
    ///
    /// # fn iterate(session: &Session) -> Result<()> {
    /// session.join_room(&muc::join("lobby@muc.localhost", "user_1"), Duration::from_secs(10))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_room(&self, join: &Join, timeout: impl Into<Option<Duration>>) -> Result<Stanza> {
        self.send(&join.to_element())?;
        // Not that one left, if one was there before.
        let own = || Filter::presence().from(join.occupant.as_str());
        let presence = self.receive([own().kind("available"), own().kind("error")], timeout)?;
        match presence.error() {
            Some(error) => Err(Error::Refused(error)),
            None => Ok(presence),
        }
    }
}

/// Leave a room (XEP-0045, section 7.14).
///
/// ```
/// let leave = lt_sdk::xmpp::muc::leave("lobby@muc.localhost", "bob");
/// assert_eq!(leave.to_string(), "<presence type='unavailable' to='lobby@muc.localhost/bob'/>");
/// ```
pub fn leave(room: &str, nick: &str) -> Element {
    super::unavailable().to([room, "/", nick].concat())
}

/// Take another nick (XEP-0045, section 7.6).
///
/// ```
/// let change = lt_sdk::xmpp::muc::change_nick("lobby@muc.localhost", "robert");
/// assert_eq!(change.to_string(), "<presence to='lobby@muc.localhost/robert'/>");
/// ```
pub fn change_nick(room: &str, nick: &str) -> Element {
    super::presence().to([room, "/", nick].concat())
}

/// Say something to one in a room (XEP-0045, section 7.5).
///
/// ```
/// let message = lt_sdk::xmpp::muc::private_message("lobby@muc.localhost", "bob", "psst");
/// assert_eq!(message.attr("to"), Some("lobby@muc.localhost/bob"));
/// ```
pub fn private_message(room: &str, nick: &str, body: impl Into<String>) -> Element {
    let message = super::chat([room, "/", nick].concat(), body);
    message.child(Element::new("x").namespace(USER))
}

/// Change a room's subject (XEP-0045, section 8.1).
///
/// ```
/// let subject = lt_sdk::xmpp::muc::subject("lobby@muc.localhost", "lunch");
/// assert_eq!(
///     subject.to_string(),
///     "<message to='lobby@muc.localhost' type='groupchat'><subject>lunch</subject></message>"
/// );
/// ```
pub fn subject(room: impl Into<String>, text: impl Into<String>) -> Element {
    super::message(room).kind("groupchat").subject(text)
}

/// Invite somebody through the room (XEP-0045, section 7.8.2); an empty reason is none.
///
/// ```
/// let invitation = lt_sdk::xmpp::muc::invite("lobby@muc.localhost", "bob@localhost", "lunch");
/// assert!(invitation.to_string().contains("<invite to='bob@localhost'><reason>lunch</reason></invite>"));
/// ```
pub fn invite(room: impl Into<String>, jid: impl Into<String>, reason: &str) -> Element {
    let invite = Element::new("invite")
        .to(jid)
        .with_children(reason_element(reason));
    super::message(room).child(Element::new("x").namespace(USER).child(invite))
}

/// Invite somebody directly (XEP-0249); an empty reason is none.
///
/// ```
/// let invitation = lt_sdk::xmpp::muc::invite_directly("bob@localhost", "lobby@muc.localhost", "lunch");
/// assert!(invitation.to_string().contains("<x xmlns='jabber:x:conference' jid='lobby@muc.localhost' reason='lunch'/>"));
/// ```
pub fn invite_directly(jid: impl Into<String>, room: impl Into<String>, reason: &str) -> Element {
    let x = Element::new("x")
        .namespace("jabber:x:conference")
        .attribute("jid", room);
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    super::message(jid).child(x.attribute_some("reason", reason))
}

fn reason_element(reason: &str) -> Option<Element> {
    let given = !reason.is_empty();
    given.then(|| Element::new("reason").text(reason))
}

fn administer(room: &str, item: Element, reason: &str) -> Element {
    let item = item.with_children(reason_element(reason));
    let query = Element::new("query").namespace(ADMIN).child(item);
    addressed(super::set(query), room)
}

/// Give somebody in the room another role (XEP-0045, section 5.1): `none`, `visitor`, `participant`, `moderator`.
///
/// ```
/// let request = lt_sdk::xmpp::muc::set_role("lobby@muc.localhost", "bob", "moderator", "");
/// assert!(request.to_string().contains("<item nick='bob' role='moderator'/>"));
/// ```
pub fn set_role(room: &str, nick: &str, role: &str, reason: &str) -> Element {
    let item = Element::new("item").attribute("nick", nick);
    administer(room, item.attribute("role", role), reason)
}

/// Put somebody out (XEP-0045, section 8.2).
///
/// ```
/// let request = lt_sdk::xmpp::muc::kick("lobby@muc.localhost", "bob", "enough");
/// assert!(request.to_string().contains("<item nick='bob' role='none'><reason>enough</reason></item>"));
/// ```
pub fn kick(room: &str, nick: &str, reason: &str) -> Element {
    set_role(room, nick, "none", reason)
}

/// Give somebody another affiliation (XEP-0045, section 5.2): `none`, `outcast`, `member`, `admin`, `owner`.
///
/// ```
/// let request = lt_sdk::xmpp::muc::set_affiliation("lobby@muc.localhost", "bob@localhost", "member", "");
/// assert!(request.to_string().contains("<item jid='bob@localhost' affiliation='member'/>"));
/// ```
pub fn set_affiliation(room: &str, jid: &str, affiliation: &str, reason: &str) -> Element {
    let item = Element::new("item").attribute("jid", jid);
    administer(room, item.attribute("affiliation", affiliation), reason)
}

/// Keep somebody out (XEP-0045, section 9.1).
///
/// ```
/// let request = lt_sdk::xmpp::muc::ban("lobby@muc.localhost", "bob@localhost", "enough");
/// assert!(request.to_string().contains("affiliation='outcast'"));
/// ```
pub fn ban(room: &str, jid: &str, reason: &str) -> Element {
    set_affiliation(room, jid, "outcast", reason)
}

/// Ask who has an affiliation (XEP-0045, sections 9.5 to 10.6).
///
/// ```
/// let request = lt_sdk::xmpp::muc::affiliated("lobby@muc.localhost", "member");
/// assert!(request.to_string().contains("<item affiliation='member'/>"));
/// ```
pub fn affiliated(room: &str, affiliation: &str) -> Element {
    let item = Element::new("item").attribute("affiliation", affiliation);
    let query = Element::new("query").namespace(ADMIN).child(item);
    addressed(super::get(query), room)
}

fn owner_query() -> Element {
    Element::new("query").namespace(OWNER)
}

/// Unlock a room that was just made, with what the service thinks best (XEP-0045, section 10.1.2).
///
/// ```
/// let request = lt_sdk::xmpp::muc::configure_instant("lobby@muc.localhost");
/// assert!(request.to_string().contains("<x xmlns='jabber:x:data' type='submit'/>"));
/// ```
pub fn configure_instant(room: &str) -> Element {
    addressed(
        super::set(owner_query().child(Form::default().submit())),
        room,
    )
}

/// Ask for the form that configures a room (XEP-0045, section 10.2); [`Form::read`] reads the answer.
///
/// ```
/// let request = lt_sdk::xmpp::muc::get_config("lobby@muc.localhost");
/// assert!(request.to_string().contains("<query xmlns='http://jabber.org/protocol/muc#owner'/>"));
/// ```
pub fn get_config(room: &str) -> Element {
    addressed(super::get(owner_query()), room)
}

/// Configure a room (XEP-0045, section 10.2) by these fields; the names begin with `muc#roomconfig_`.
///
/// ```
/// let request = lt_sdk::xmpp::muc::set_config("lobby@muc.localhost", [("muc#roomconfig_persistentroom", "1")]);
/// assert!(request.to_string().contains("<field var='muc#roomconfig_persistentroom'><value>1</value></field>"));
/// ```
pub fn set_config<'a>(room: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Element {
    submit_config(room, &Form::with(ROOM_CONFIG, fields))
}

/// Configure a room by a form that was asked for and changed.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::{Form, muc};
///
/// let form = Form::read(&session.request(&muc::get_config("lobby@muc.localhost"))?)?;
/// let form = form.set("muc#roomconfig_maxusers", "100");
/// session.request(&muc::submit_config("lobby@muc.localhost", &form))?;
/// # Ok(())
/// # }
/// ```
pub fn submit_config(room: &str, form: &Form) -> Element {
    addressed(super::set(owner_query().child(form.submit())), room)
}

/// End a room (XEP-0045, section 10.9); an empty reason is none.
///
/// ```
/// let request = lt_sdk::xmpp::muc::destroy("lobby@muc.localhost", "closing time");
/// assert!(request.to_string().contains("<destroy><reason>closing time</reason></destroy>"));
/// ```
pub fn destroy(room: &str, reason: &str) -> Element {
    let destroy = Element::new("destroy").with_children(reason_element(reason));
    addressed(super::set(owner_query().child(destroy)), room)
}

/// Ask a service for its rooms (XEP-0045, section 6.3), or a room for who is in it (section 6.5); [`disco::read_items`] reads the answer.
///
/// ```
/// let request = lt_sdk::xmpp::muc::items("muc.localhost");
/// assert!(request.to_string().contains("http://jabber.org/protocol/disco#items"));
/// ```
pub fn items(jid: &str) -> Element {
    disco::items(jid, None)
}

/// The status codes in what a room sent (XEP-0045, section 15.6): [`SELF`], [`CREATED`].
///
/// ```no_run
/// # fn look(presence: &lt_sdk::xmpp::Stanza) {
/// use lt_sdk::xmpp::muc;
///
/// let is_own = muc::statuses(presence).contains(&muc::SELF);
/// # }
/// ```
#[must_use]
pub fn statuses(stanza: &Stanza) -> Vec<u16> {
    let x = stanza.payload("x", USER).ok();
    let statuses = x.iter().flat_map(|x| x.all("status", USER));
    let codes = statuses.filter_map(|status| status.attr("code")?.parse().ok());
    codes.collect()
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::muc as oracle;

    #[test]
    fn the_oracle_reads_who_joins() {
        let built = join("room@muc", "bob")
            .password("secret")
            .history_max(7)
            .history_seconds(8)
            .history_since("2026-01-01T00:00:00Z");
        let built = Element::from(&built);
        assert_eq!(built.attr("to"), Some("room@muc/bob"));
        let read: oracle::Muc = payload(&built, 0);
        assert_eq!(read.password.as_deref(), Some("secret"));
        let history = read.history.unwrap();
        assert_eq!((history.maxstanzas, history.seconds), (Some(7), Some(8)));
        assert!(history.since.is_some());
        let read: oracle::Muc = payload(&join("room@muc", "bob").into(), 0);
        assert_eq!(read, oracle::Muc::default());
    }

    #[test]
    fn the_oracle_reads_invitations_and_private_messages() {
        let read: oracle::MucUser = payload(&invite("room@muc", "bob@b", "lunch"), 0);
        let invite = read.invite.unwrap();
        assert_eq!(invite.to.unwrap().to_string(), "bob@b");
        assert_eq!(invite.reason.as_deref(), Some("lunch"));
        let read: oracle::MucUser = payload(&private_message("room@muc", "bob", "a"), 1);
        assert_eq!(read, oracle::MucUser::default());
    }

    #[test]
    fn rooms_are_run_as_in_the_specification() {
        let admin = |item: &str| {
            format!(
                "<iq type='set' to='r@m'><query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query></iq>"
            )
        };
        assert_eq!(
            kick("r@m", "bob", "").to_xml(),
            admin("<item nick='bob' role='none'/>")
        );
        assert_eq!(
            ban("r@m", "a@b", "x").to_xml(),
            admin("<item jid='a@b' affiliation='outcast'><reason>x</reason></item>")
        );
        let owner = |child: &str| {
            format!(
                "<iq type='set' to='r@m'><query xmlns='http://jabber.org/protocol/muc#owner'>{child}</query></iq>"
            )
        };
        assert_eq!(destroy("r@m", "").to_xml(), owner("<destroy/>"));
        assert_eq!(
            configure_instant("r@m").to_xml(),
            owner("<x xmlns='jabber:x:data' type='submit'/>")
        );
        assert!(set_config("r@m", [("a", "b")]).to_xml().contains(
            "<field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roomconfig</value></field>"
        ));
        assert_eq!(
            invite_directly("a@b", "r@m", "")
                .children()
                .next()
                .unwrap()
                .attr("reason"),
            None
        );
        assert!(
            affiliated("r@m", "owner")
                .to_xml()
                .starts_with("<iq type='get' to='r@m'>")
        );
    }

    #[test]
    fn statuses_are_read() {
        let own = stanza(
            "<presence from='r@m/bob'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/>\
             <status code='110'/><status code='201'/></x></presence>",
        );
        assert_eq!(statuses(&own), [SELF, CREATED]);
        assert!(statuses(&stanza("<presence/>")).is_empty());
    }
}
