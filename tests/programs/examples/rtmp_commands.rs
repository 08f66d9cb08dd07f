//! Says to a server all that can be said: fields of the connect command, commands of its own, metadata and data.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::Value;
use lt_test_programs::rtmp::{Server, tell_error};

struct Guest(Server);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let server = &self.0;
        let connection = server
            .request()
            .field("swfUrl", "http://player.test/a.swf")
            .field("level", 3)
            .argument("extra")
            .connect()?;
        let connected = connection.connected();
        check!(
            "who answered is known",
            connected.server_version == "scripted/1"
                && connected.status.code == "NetConnection.Connect.Success"
        );
        let answer = connection.call("sum", [Value::from(1), Value::from(2)])?;
        // The command object first, as servers send it.
        check!(
            "the answer is what was said",
            answer == [Value::from(()), Value::from(3)]
        );
        let answer = connection.call("list", [Value::json("{\"a\":[1,true]}")])?;
        let json = answer.get(1).and_then(Value::as_json);
        check!("an object comes as JSON", json == Some("{\"b\":\"c\"}"));
        match connection.call("refuse", []) {
            Ok(_) => bail!("it was answered"),
            Err(error) => tell_error(&error),
        }
        let silent = connection.call_timeout("silent", [], Duration::from_millis(200));
        check!(
            "no answer in time",
            silent.is_err_and(|error| error.is_timeout())
        );
        let publisher = connection
            .publish(format!("{}?key=1", server.stream))
            .start()?;
        publisher.send_metadata([("width", Value::from(640)), ("title", "a test".into())])?;
        publisher.send_data("onCuePoint", [Value::json("{\"name\":\"x\"}"), ().into()])?;
        publisher.stop();
        connection.close();
        Ok(())
    }
}
