//! What a server's word on a stream means.
//!
//! A publisher that leaves may come back, and whoever plays its stream then goes on (nginx-rtmp with `play_restart` and `publish_notify`, and
//! Adobe's server): `NetStream.Play.UnpublishNotify`, `NetStream.Play.Stop` of a live stream and the user control message `StreamEOF` (which
//! nginx-rtmp sends before each seek, too) are news. `NetStream.Play.Complete` is the end, and `NetStream.Play.Stop` is where the server
//! said that it is recorded, or was asked for that or for a part.

use crate::rtmp::Status;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The stream has started.
    Start,
    /// There is none, or no longer, by an error.
    Refused,
    /// It is over.
    End,
    Paused(bool),
    Sought,
    /// It was not paused, or not sought.
    QuestionRefused,
    /// It is to be told, and that is all.
    News,
}

/// Of which direction's streams a status speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Publish,
    Play,
    Either,
}

pub(super) fn direction(code: &str) -> Direction {
    let part = code.strip_prefix("NetStream.").unwrap_or_default();
    let part = part.split_once('.').map_or(part, |(part, _)| part);
    match part {
        "Publish" | "Unpublish" | "Record" => Direction::Publish,
        "Play" | "Pause" | "Unpause" | "Seek" | "Buffer" => Direction::Play,
        _ => Direction::Either,
    }
}

/// Of what is played. `is_bounded`: it is recorded, or only a part of it was asked for.
pub(super) fn of_player(status: &Status, is_bounded: bool) -> Meaning {
    match status.code.strip_prefix("NetStream.").unwrap_or_default() {
        "Play.Start" => Meaning::Start,
        "Play.Complete" => Meaning::End,
        "Play.Stop" if is_bounded => Meaning::End,
        "Pause.Notify" => Meaning::Paused(true),
        "Unpause.Notify" => Meaning::Paused(false),
        "Seek.Notify" => Meaning::Sought,
        code if ["Seek.", "Pause.", "Unpause."]
            .iter()
            .any(|of| code.starts_with(of)) =>
        {
            Meaning::QuestionRefused
        }
        "Play.StreamNotFound" | "Play.Failed" => Meaning::Refused,
        _ => other(status),
    }
}

/// Of what is published.
pub(super) fn of_publisher(status: &Status) -> Meaning {
    match status.code.strip_prefix("NetStream.").unwrap_or_default() {
        "Publish.Start" => Meaning::Start,
        "Unpublish.Success" => Meaning::End,
        "Publish.BadName" | "Publish.Denied" => Meaning::Refused,
        // The stream goes on live.
        code if code.starts_with("Record.") => Meaning::News,
        _ => other(status),
    }
}

fn other(status: &Status) -> Meaning {
    if status.is_error() {
        Meaning::Refused
    } else {
        Meaning::News
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: &str, level: &str) -> Status {
        Status {
            code: code.to_owned(),
            level: level.to_owned(),
            description: String::new(),
        }
    }

    #[test]
    fn what_ends_a_player() {
        for (code, level, live, bounded) in [
            (
                "NetStream.Play.Start",
                "status",
                Meaning::Start,
                Meaning::Start,
            ),
            ("NetStream.Play.Stop", "status", Meaning::News, Meaning::End),
            (
                "NetStream.Play.Complete",
                "status",
                Meaning::End,
                Meaning::End,
            ),
            (
                "NetStream.Play.UnpublishNotify",
                "status",
                Meaning::News,
                Meaning::News,
            ),
            (
                "NetStream.Play.Reset",
                "status",
                Meaning::News,
                Meaning::News,
            ),
            (
                "NetStream.Play.InsufficientBW",
                "warning",
                Meaning::News,
                Meaning::News,
            ),
            (
                "NetStream.Play.StreamNotFound",
                "",
                Meaning::Refused,
                Meaning::Refused,
            ),
            (
                "NetStream.Failed",
                "error",
                Meaning::Refused,
                Meaning::Refused,
            ),
            ("", "error", Meaning::Refused, Meaning::Refused),
            ("", "", Meaning::News, Meaning::News),
            (
                "NetStream.Seek.InvalidTime",
                "error",
                Meaning::QuestionRefused,
                Meaning::QuestionRefused,
            ),
        ] {
            let status = status(code, level);
            assert_eq!(of_player(&status, false), live, "{code}");
            assert_eq!(of_player(&status, true), bounded, "{code}");
        }
    }

    #[test]
    fn what_ends_a_publisher() {
        for (code, level, meaning) in [
            ("NetStream.Publish.Start", "status", Meaning::Start),
            ("NetStream.Publish.BadName", "error", Meaning::Refused),
            ("NetStream.Publish.BadName", "status", Meaning::Refused),
            ("NetStream.Unpublish.Success", "status", Meaning::End),
            ("NetStream.Record.NoAccess", "error", Meaning::News),
            ("NetStream.Publish.Idle", "status", Meaning::News),
            ("Whatever", "error", Meaning::Refused),
        ] {
            assert_eq!(of_publisher(&status(code, level)), meaning, "{code}");
        }
    }

    #[test]
    fn whom_a_status_is_for() {
        assert_eq!(direction("NetStream.Publish.Start"), Direction::Publish);
        assert_eq!(direction("NetStream.Unpause.Notify"), Direction::Play);
        assert_eq!(direction("NetStream.Failed"), Direction::Either);
        assert_eq!(direction("NetConnection.Call.Failed"), Direction::Either);
    }
}
