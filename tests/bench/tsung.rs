//! tsung, which the XMPP rows are compared with: Debian's, on one Erlang machine of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lt_tests::temp::TempDir;

use crate::child::{Cost, measured};

/// What its users do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Port of the server.
    pub(crate) port: u16,
    /// Users, from 1 on.
    pub(crate) users: u64,
    /// How many come each second.
    pub(crate) arrivals: u64,
    /// How long each stays, once it is logged in, before it writes.
    pub(crate) wait: Duration,
    /// Messages that each writes.
    pub(crate) messages: u64,
    /// Time before each of them, and what takes their place where there are none.
    pub(crate) interval: Duration,
}

/// What tsung says of messages that it recognised as its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// How many.
    pub(crate) count: f64,
    /// Their mean time to delivery, in milliseconds.
    pub(crate) mean_ms: f64,
}

/// Whether it is there.
pub(crate) fn is_installed() -> bool {
    let said = Command::new("tsung")
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    said.is_ok_and(|status| status.success())
}

/// Run it to its end: what it cost, with all its children, and what it measured.
pub(crate) fn run(work: Work) -> (Cost, Option<Latency>) {
    let directory = TempDir::new();
    let file = directory.write("tsung.xml", configuration(work));
    let log = directory.path().join("log");
    std::fs::create_dir_all(&log).expect("a directory can be made");
    let epmd_ran = epmd_runs();
    let mut command = Command::new("tsung");
    // Without its page, and without a word to other nodes: it needs none.
    command
        .args(["-n", "-w", "0", "-f"])
        .arg(&file)
        .arg("-l")
        .arg(&log)
        .arg("start")
        .env("HOME", directory.path())
        .current_dir(directory.path());
    let (_, cost) = measured("tsung", &mut command);
    if !epmd_ran {
        // Erlang leaves it behind.
        let _ended = epmd("-kill");
    }
    (cost, latency(&log))
}

/// Erlang's register of nodes.
fn epmd(argument: &str) -> bool {
    let said = Command::new("epmd")
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    said.is_ok_and(|status| status.success())
}

fn epmd_runs() -> bool {
    epmd("-names")
}

/// All samples of `xmpp_msg_latency`: `stats: xmpp_msg_latency COUNT MEAN …`, one line each ten seconds.
fn latency(log: &Path) -> Option<Latency> {
    let mut runs = std::fs::read_dir(log).ok()?;
    let run = runs.find_map(Result::ok)?;
    let text = std::fs::read_to_string(run.path().join("tsung.log")).ok()?;
    let mut sum = Latency {
        count: 0.0,
        mean_ms: 0.0,
    };
    for line in text.lines() {
        let Some(values) = line.strip_prefix("stats: xmpp_msg_latency ") else {
            continue;
        };
        let mut values = values
            .split(' ')
            .filter_map(|word| word.parse::<f64>().ok());
        if let (Some(count), Some(mean)) = (values.next(), values.next()) {
            sum.count += count;
            sum.mean_ms += count * mean;
        }
    }
    sum.mean_ms /= sum.count;
    (sum.count > 0.0).then_some(sum)
}

/// A session logs in as lt-host's users do, without TLS and with PLAIN, which is all that tsung knows of what prosody offers. `bidi` and
/// `stamped` have it look at what comes, and time it.
fn configuration(work: Work) -> String {
    let Work {
        port,
        users,
        arrivals,
        wait,
        messages,
        interval,
    } = work;
    let (wait, interval) = (wait.as_secs_f64(), interval.as_secs_f64());
    let arrival_time = users.div_ceil(arrivals) + 5;
    let think = format!(r#"<thinktime value="{interval}" random="false"/>"#);
    let message = r#"<request><jabber type="chat" ack="no_ack" size="64" stamped="true" destination="online"/></request>"#;
    let talk = match messages {
        0 => String::new(),
        _ => format!(r#"<for from="1" to="{messages}" var="n">{think}{message}</for>"#),
    };
    format!(
        r#"<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd">
<tsung loglevel="warning" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="20000"/></clients>
  <servers><server host="127.0.0.1" port="{port}" type="tcp"/></servers>
  <load>
    <arrivalphase phase="1" duration="{arrival_time}" unit="second">
      <users maxnumber="{users}" arrivalrate="{arrivals}" unit="second"/>
    </arrivalphase>
  </load>
  <options>
    <option type="ts_jabber" name="global_number" value="{users}"/>
    <option type="ts_jabber" name="userid_max" value="{users}"/>
    <option type="ts_jabber" name="domain" value="localhost"/>
    <option type="ts_jabber" name="username" value="user_"/>
    <option type="ts_jabber" name="passwd" value="password_"/>
  </options>
  <sessions>
    <session probability="100" name="user" type="ts_jabber" bidi="true">
      <request><jabber type="connect" ack="local"/></request>
      <request><jabber type="auth_sasl" ack="local"/></request>
      <request><jabber type="connect" ack="local"/></request>
      <request><jabber type="auth_sasl_bind" ack="local"/></request>
      <request><jabber type="presence:initial" ack="no_ack"/></request>
      <thinktime value="{wait}" random="false"/>
      {talk}
      <request><jabber type="close" ack="no_ack"/></request>
    </session>
  </sessions>
</tsung>
"#
    )
}
