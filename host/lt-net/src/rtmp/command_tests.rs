//! Commands as they are sent, and what is made of their answers.

use super::command::{self, Message, type_id};
use super::{PublishKind, Status, Value, amf0};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn object(fields: &[(&str, &str)]) -> Value {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), text(value)));
    Value::Object(fields.collect())
}

#[track_caller]
fn check(message: &Message, csid: u32, stream_id: u32, values: &[Value]) {
    assert_eq!((message.csid, message.stream_id), (csid, stream_id));
    assert_eq!(message.type_id, type_id::COMMAND);
    assert_eq!(amf0::decode_all(&message.payload).unwrap(), values);
}

#[test]
fn commands_have_the_fields_of_the_specification() {
    let number = Value::Number;
    check(
        &command::connect(
            1.0,
            vec![("app".to_owned(), text("live"))],
            &[Value::Boolean(true)],
        ),
        3,
        0,
        &[
            text("connect"),
            number(1.0),
            object(&[("app", "live")]),
            Value::Boolean(true),
        ],
    );
    check(
        &command::create_stream(2.0),
        3,
        0,
        &[text("createStream"), number(2.0), Value::Null],
    );
    check(
        &command::named("FCPublish", 3.0, "key"),
        3,
        0,
        &[text("FCPublish"), number(3.0), Value::Null, text("key")],
    );
    check(
        &command::publish(1, 4.0, "key", PublishKind::Append),
        8,
        1,
        &[
            text("publish"),
            number(4.0),
            Value::Null,
            text("key"),
            text("append"),
        ],
    );
    check(
        &command::play(1, 5.0, "key", -2.0, None),
        8,
        1,
        &[
            text("play"),
            number(5.0),
            Value::Null,
            text("key"),
            number(-2.0),
        ],
    );
    let play = command::play(1, 5.0, "key", 1.5, Some(2.0));
    let values = amf0::decode_all(&play.payload).unwrap();
    assert_eq!(values[4..], [number(1.5), number(2.0)]);
    check(
        &command::pause(1, 6.0, true, 1500.0),
        8,
        1,
        &[
            text("pause"),
            number(6.0),
            Value::Null,
            Value::Boolean(true),
            number(1500.0),
        ],
    );
    check(
        &command::seek(1, 7.0, 1500.0),
        8,
        1,
        &[text("seek"), number(7.0), Value::Null, number(1500.0)],
    );
    check(
        &command::delete_stream(8.0, 1),
        3,
        0,
        &[text("deleteStream"), number(8.0), Value::Null, number(1.0)],
    );
}

#[test]
fn the_status_is_the_object_that_has_a_code() {
    let status = |values: &[Value]| {
        let status = Status::of(values);
        (status.code, status.level, status.description)
    };
    let said = |code: &str, level: &str, description: &str| {
        (code.to_owned(), level.to_owned(), description.to_owned())
    };
    let info = object(&[
        ("level", "error"),
        ("code", "NetStream.Play.Failed"),
        ("description", "no"),
    ]);
    let expected = said("NetStream.Play.Failed", "error", "no");
    // Behind the command object, which may be null, or say other things.
    assert_eq!(status(&[Value::Null, info.clone()]), expected);
    assert_eq!(
        status(&[object(&[("level", "of what?")]), info.clone()]),
        expected
    );
    // Some servers leave the command object out.
    assert_eq!(status(&[info]), expected);
    assert_eq!(
        status(&[Value::Null, object(&[("description", "why")])]),
        said("", "", "why")
    );
    assert_eq!(status(&[Value::Null, text("no object")]), said("", "", ""));
    assert_eq!(status(&[]), said("", "", ""));
    let number = Value::Object(vec![("code".to_owned(), Value::Number(302.0))]);
    assert_eq!(status(&[Value::Null, number]), said("", "", ""));
}
