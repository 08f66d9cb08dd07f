//! Asks for more than there is, and for what makes no sense. Each is an error that the user can go on from.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Connection, Inbox, Player, Publisher, TagKind, Value};
use lt_test_programs::rtmp::{Server, is_case};

struct Guest(Server);

fn is_invalid<T>(result: &lt_sdk::rtmp::Result<T>) -> bool {
    is_case(result, "invalid-request")
}

fn requests(server: &Server) -> Result<()> {
    let good = || server.request();
    for (what, wrong) in [
        ("another scheme", Connection::to("http://127.0.0.1/live")),
        ("no URL", Connection::to("live")),
        ("no host", Connection::to("rtmp:///live")),
        ("no time", good().timeout(Duration::ZERO)),
        ("small chunks", good().chunk_bytes(127)),
        ("large chunks", good().chunk_bytes(65_537)),
        ("no certificates", good().authorities("none")),
        ("no identity", good().identity("none", "none")),
        ("no JSON", good().field("a", Value::json("{"))),
    ] {
        let result = wrong.connect();
        ensure!(
            is_invalid(&result),
            "{what} was taken: {:?}",
            result.err().map(|error| error.to_string())
        );
    }
    Ok(())
}

fn players(server: &Server, connection: &Connection) -> Result<()> {
    let good = || connection.play(&server.stream);
    for (what, wrong) in [
        ("no time", good().timeout(Duration::ZERO)),
        (
            "stalled at once",
            good().stall_after(Duration::from_millis(49)),
        ),
        (
            "too large an inbox",
            good().frames(Inbox::new().bytes(17 << 20)),
        ),
    ] {
        ensure!(is_invalid(&wrong.start()), "{what} was taken");
    }
    let ftp = Player::http("ftp://127.0.0.1/a.flv").start();
    ensure!(is_invalid(&ftp), "FLV over FTP");
    let player = good().start()?;
    ensure!(
        is_invalid(&player.receive(Duration::ZERO)),
        "a frame, and none were asked for"
    );
    Ok(())
}

fn publishers(connection: &Connection, publisher: &Publisher) -> Result<()> {
    for result in [
        publisher.publish_asset("nothing").start(),
        publisher.publish_asset("video").rounds(0).start(),
        publisher.send_metadata([("a", Value::json("["))]),
        publisher.send_data("onCuePoint", [Value::json("{}{}")]),
    ] {
        ensure!(
            is_invalid(&result),
            "it was taken: {:?}",
            result.err().map(|error| error.to_string())
        );
    }
    let large = vec![0; (4 << 20) + 1];
    ensure!(
        is_case(&publisher.send_tag(TagKind::Video, 0, &large), "too-large"),
        "more than 4 MiB"
    );
    ensure!(
        is_invalid(&connection.call("ask", [Value::json("nothing")])),
        "no JSON"
    );
    Ok(())
}

fn places(server: &Server, connection: &Connection) -> Result<()> {
    // nginx-rtmp numbers all streams of a connection alike, so it takes one: a second would take the first one's media.
    let player = connection.play(&server.stream).start()?;
    let second = connection.play("another").start();
    let text = second.as_ref().err().map(ToString::to_string);
    ensure!(
        is_case(&second, "refused")
            && text
                .as_ref()
                .is_some_and(|text| text.contains("one stream")),
        "a second stream on one connection: {text:?}"
    );
    drop(player);
    drop(connection.play("another").start()?);
    let mut connections = Vec::new();
    let refused = loop {
        match server.connect() {
            Ok(connection) => connections.push(connection),
            Err(error) => break Err::<(), _>(error),
        }
        ensure!(connections.len() <= 64, "{} connections", connections.len());
    };
    // Two are there already.
    ensure!(
        connections.len() == 62 && is_case(&refused, "too-many"),
        "{} connections",
        connections.len()
    );
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn describe(base: Description) -> Description {
        base.asset("video", "what is published")
    }

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let server = &self.0;
        requests(server)?;
        let ingest = server.connect()?;
        let publisher = ingest.publish(&server.stream).start()?;
        publisher.publish_asset("video").start()?;
        let edge = server.connect()?;
        players(server, &edge)?;
        publishers(&ingest, &publisher)?;
        places(server, &edge)?;
        let player = edge.play(&server.stream).start()?;
        player.watch_timeout(Duration::from_millis(500), Duration::from_secs(20))?;
        check!(
            "every limit holds, and the streams too",
            publisher.closed().is_none()
        );
        Ok(())
    }
}
