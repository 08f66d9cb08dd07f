//! Another client on the same server: what lt-host's users send it, it receives, and what it sends they receive.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::StreamExt as _;
use lt_tests::prosody::Prosody;
use tokio_xmpp::connect::DnsConfig;
use tokio_xmpp::jid::BareJid;
use tokio_xmpp::parsers::message::Message;
use tokio_xmpp::parsers::presence::Presence;
use tokio_xmpp::xmlstream::Timeouts;
use tokio_xmpp::{Client, Stanza};

use super::{at, expect_checked};

/// Log in as this account, say so, and send back the body of each message until the test is over; gives the bodies.
async fn echo(
    account: BareJid,
    address: String,
    online: mpsc::Sender<()>,
    mut over: tokio::sync::oneshot::Receiver<()>,
) -> Vec<String> {
    let password = "password_20".to_owned();
    let dns = DnsConfig::addr(&address);
    let mut client = Client::new_plaintext(account, password, dns, Timeouts::tight());
    let mut bodies = Vec::new();
    loop {
        let event = tokio::select! {
            event = client.next() => event.unwrap(),
            _ = &mut over => return bodies,
        };
        if event.is_online() {
            let presence = Presence::available();
            client.send_stanza(presence.into()).await.unwrap();
            online.send(()).unwrap();
        }
        let Some(Stanza::Message(message)) = event.into_stanza() else {
            continue;
        };
        let body = message.bodies.values().next().cloned();
        let (Some(from), Some(body)) = (message.from, body) else {
            continue;
        };
        let mut answer = Message::chat(from).with_body(String::new().into(), body.clone());
        answer.id = message.id;
        client.send_stanza(answer.into()).await.unwrap();
        bodies.push(body);
    }
}

#[test]
fn another_client_reads_what_we_write_and_we_read_what_it_writes() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let (online, is_online) = mpsc::channel();
    let (finish, over) = tokio::sync::oneshot::channel();
    let address = server.address();
    let bot = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let account = "user_20@localhost".parse().unwrap();
        runtime.block_on(echo(account, address, online, over))
    });
    is_online.recv_timeout(Duration::from_secs(30)).unwrap();
    let ran = at(&server, "xmpp_echo")
        .set("to", "user_20@localhost")
        .arguments("--users 3")
        .finish();
    let ran = expect_checked(ran);
    finish.send(()).unwrap();
    let bodies = bot.join().unwrap();
    for wanted in [
        "<tags> & \"quotes\" and 'others'",
        "]]> &amp; &#65;",
        "h\u{e9}llo \u{4e16}\u{754c} \u{1f600}",
        " blanks around ",
    ] {
        let times = bodies.iter().filter(|body| *body == wanted).count();
        assert_eq!(times, 3, "{wanted}\n{ran}");
    }
    assert!(bodies.iter().any(|body| body.len() == 20_000), "{ran}");
}
