//! ffmpeg and rtmpdump: fixtures of H.264 and AAC, publishers, players that decode, a server for one client, and a recorder that
//! writes what it received byte for byte.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::flv::{self, Tag};
use crate::install::{installed, run};
use crate::missing::skip;
use crate::process::{Finished, Process, wait_until};

/// Name of the program.
const PROGRAM: &str = "ffmpeg";
/// Time a player gets beyond what it is to play: connecting, and finding out what comes.
const SLACK: Duration = Duration::from_secs(40);
/// Time the server for one client gets to listen.
const LISTEN_LIMIT: Duration = Duration::from_secs(20);
/// Name of a clip in its directory.
const CLIP: &str = "clip.flv";

/// A clip to be made: a test picture and a tone. The same one is made once, and kept below cargo's target directory.
#[derive(Clone, Debug)]
pub struct Clip {
    /// How long it is.
    pub seconds: u32,
    /// Frames of video a second; none without.
    pub fps: u32,
    /// Frames from one key frame to the next.
    pub key_interval: u32,
    /// Bits of video a second, in kbit/s: as many in every second. Zero for as few as there may be.
    pub video_kbps: u32,
    /// Bits of audio a second, in kbit/s; no audio if zero.
    pub audio_kbps: u32,
}

impl Default for Clip {
    /// Four seconds of 25 frames, a key frame each second, small.
    fn default() -> Self {
        Self {
            seconds: 4,
            fps: 25,
            key_interval: 25,
            video_kbps: 0,
            audio_kbps: 48,
        }
    }
}

impl Clip {
    /// The file; `None`, with a word on standard error, where there is no ffmpeg. In CI that is a failure.
    #[must_use]
    pub fn make(&self) -> Option<PathBuf> {
        if !is_there() {
            return None;
        }
        let key = format!("1 {self:?}");
        let directory = installed("clip", &key, |directory| {
            let mut command = Command::new(PROGRAM);
            command.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"]);
            command.arg(format!("testsrc=size=160x120:rate={}", self.fps.max(1)));
            command.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]);
            self.video(&mut command);
            self.audio(&mut command);
            command
                .args(["-t", &self.seconds.to_string(), "-shortest"])
                .args(["-f", "flv", "-y"])
                .arg(directory.join(CLIP));
            let _made = run("ffmpeg, which makes a clip", &mut command);
        });
        Some(directory.join(CLIP))
    }

    fn video(&self, command: &mut Command) {
        if self.fps == 0 {
            command.arg("-vn").args(["-map", "1:a"]);
            return;
        }
        command.args(["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast"]);
        command.args([
            "-tune",
            "zerolatency",
            "-pix_fmt",
            "yuv420p",
            "-threads",
            "1",
        ]);
        let interval = self.key_interval.to_string();
        command.args([
            "-g",
            &interval,
            "-keyint_min",
            &interval,
            "-sc_threshold",
            "0",
        ]);
        if self.video_kbps > 0 {
            let rate = format!("{}k", self.video_kbps);
            command.args(["-b:v", &rate, "-minrate", &rate, "-maxrate", &rate]);
            // Filled up to the rate, and no more than a quarter of a second of it at once.
            let buffer = format!("{}k", (self.video_kbps / 4).max(1));
            command.args([
                "-bufsize",
                &buffer,
                "-x264-params",
                "nal-hrd=cbr:force-cfr=1",
            ]);
        }
    }

    fn audio(&self, command: &mut Command) {
        if self.audio_kbps == 0 {
            command.arg("-an");
            return;
        }
        if self.fps > 0 {
            command.args(["-map", "1:a"]);
        }
        let rate = format!("{}k", self.audio_kbps);
        command.args(["-c:a", "aac", "-ac", "1", "-b:a", &rate]);
    }
}

/// Whether ffmpeg is there; else a word on standard error. In CI that is a failure.
#[must_use]
pub fn is_there() -> bool {
    let there = Command::new(PROGRAM).arg("-version").output().is_ok();
    if !there {
        skip("ffmpeg, which is not installed", "apt-get install ffmpeg");
    }
    there
}

/// Whether rtmpdump is there; else a word on standard error. In CI that is a failure.
#[must_use]
pub fn has_rtmpdump() -> bool {
    let there = Command::new("rtmpdump").arg("--help").output().is_ok();
    if !there {
        skip(
            "rtmpdump, which is not installed",
            "apt-get install rtmpdump",
        );
    }
    there
}

/// ffmpeg, with nothing on its standard input, that says only what went wrong.
fn ffmpeg() -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-nostdin", "-hide_banner", "-v", "error"]);
    command
}

/// Publish a file in real time, as it is, again and again, until the value is dropped.
#[must_use]
pub fn publish(file: &Path, url: &str) -> Process {
    publish_rounds(file, url, None)
}

/// Publish a file in real time, as it is, so often, or until the value is dropped.
#[must_use]
pub fn publish_rounds(file: &Path, url: &str, rounds: Option<u32>) -> Process {
    let again = rounds.map_or(-1, |rounds| i64::from(rounds) - 1);
    let mut command = ffmpeg();
    command.args(["-re", "-stream_loop", &again.to_string(), "-i"]);
    command.arg(file).args(["-c", "copy", "-f", "flv", url]);
    Process::start("ffmpeg, which publishes", &mut command)
}

/// Play a stream for so long, decode all of it, and stop at the first error.
#[must_use]
pub fn play(url: &str, time: Duration) -> Player {
    let mut command = ffmpeg();
    command.args(["-xerror", "-err_detect", "explode", "-i", url]);
    let seconds = time.as_secs_f64().to_string();
    command.args(["-t", &seconds, "-f", "null", "-"]);
    Player(
        Process::start("ffmpeg, which plays", &mut command),
        time + SLACK,
    )
}

/// A player under way.
pub struct Player(Process, Duration);

impl Player {
    /// Wait until it has played for as long as it was to.
    #[must_use]
    pub fn finish(self) -> Finished {
        self.0.finish(self.1)
    }

    /// Wait until it has, and require that it found nothing wrong.
    ///
    /// # Panics
    /// With what it found.
    #[track_caller]
    pub fn expect_no_error(self) {
        let Finished {
            code,
            stdout,
            stderr,
            ..
        } = self.finish();
        assert!(
            code == Some(0) && stderr.is_empty(),
            "the player ended with {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
    }
}

/// A server for one client, which writes to `file` what is published to it.
#[must_use]
pub fn listen(url: &str, port: u16, file: &Path) -> Process {
    let mut command = ffmpeg();
    command.args(["-listen", "1", "-i", url, "-c", "copy", "-f", "flv", "-y"]);
    command.arg(file);
    let mut process = Process::start("ffmpeg, which listens", &mut command);
    // It takes one client only: whether it listens is not tried out, but looked up.
    wait_until("ffmpeg to listen", LISTEN_LIMIT, || {
        assert!(!process.has_ended(), "it ended: {}", process.printed());
        is_listening(port)
    });
    process
}

/// A server that publishes `file` to the one client that plays from it.
#[must_use]
pub fn serve(file: &Path, url: &str, port: u16) -> Process {
    let mut command = ffmpeg();
    command.args(["-re", "-stream_loop", "-1", "-i"]);
    command.arg(file);
    command.args(["-c", "copy", "-f", "flv", "-listen", "1", url]);
    let mut process = Process::start("ffmpeg, which serves", &mut command);
    wait_until("ffmpeg to listen", LISTEN_LIMIT, || {
        assert!(!process.has_ended(), "it ended: {}", process.printed());
        is_listening(port)
    });
    process
}

/// Whether something listens on this port of 127.0.0.1, or of all addresses (`/proc/net/tcp`, proc(5)).
fn is_listening(port: u16) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let ends_so = format!(":{port:04X}");
    sockets.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().unwrap_or_default();
        local.ends_with(&ends_so) && words.nth(1) == Some("0A")
    })
}

/// rtmpdump that writes a live stream to `file` as it comes, until it is told to stop.
#[must_use]
pub fn rtmpdump(url: &str, file: &Path) -> Dump {
    let mut command = Command::new("rtmpdump");
    command.args(["--quiet", "--live", "--rtmp", url, "--flv"]);
    command.arg(file);
    Dump {
        process: Process::start("rtmpdump", &mut command),
        file: file.to_owned(),
    }
}

/// An rtmpdump under way.
pub struct Dump {
    process: Process,
    file: PathBuf,
}

impl Dump {
    /// Wait until it has received so many bytes, and return the tags that it wrote.
    #[must_use]
    pub fn finish(self, bytes_min: u64) -> Vec<Tag> {
        wait_until("rtmpdump to receive", SLACK, || {
            std::fs::metadata(&self.file).is_ok_and(|file| file.len() >= bytes_min)
        });
        self.process.signal(Signal::INT);
        let _stopped = self.process.finish(SLACK * 2);
        flv::read(&self.file)
    }
}
