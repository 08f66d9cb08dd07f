//! The oracle of the tests: what we build, another implementation reads.

use super::{Element, element::CLIENT};
use xmpp_parsers::minidom;

/// Have the oracle read what was built.
#[track_caller]
pub(super) fn parse<T>(built: &Element) -> T
where
    T: TryFrom<minidom::Element>,
    T::Error: std::fmt::Debug,
{
    // At the top of a document nobody has declared the namespace of a stream.
    let xml = built.to_xml();
    let element: minidom::Element = match built.ns() {
        Some(namespace) if namespace != CLIENT => xml.parse().unwrap(),
        _ => xml
            .replacen(
                built.name(),
                &format!("{} xmlns='{CLIENT}'", built.name()),
                1,
            )
            .parse()
            .unwrap(),
    };
    T::try_from(element).unwrap()
}

/// Have the oracle read one of the children of what was built.
#[track_caller]
pub(super) fn payload<T>(built: &Element, index: usize) -> T
where
    T: TryFrom<minidom::Element>,
    T::Error: std::fmt::Debug,
{
    // The whole has to be something that it reads, too.
    let whole: minidom::Element = parse(built);
    match built.name() {
        "iq" => drop(xmpp_parsers::iq::Iq::try_from(with_id(whole.clone())).unwrap()),
        "message" => drop(xmpp_parsers::message::Message::try_from(whole.clone()).unwrap()),
        _ => drop(xmpp_parsers::presence::Presence::try_from(whole.clone()).unwrap()),
    }
    T::try_from(whole.children().nth(index).unwrap().clone()).unwrap()
}

/// The host gives requests an id if they have none.
fn with_id(mut iq: minidom::Element) -> minidom::Element {
    let name = xmpp_parsers::minidom::rxml::xml_ncname!("id").to_owned();
    iq.set_attr(minidom::rxml::Namespace::NONE, name, "1");
    iq
}
