//! Who is logged in: a bounded store of sessions, the oldest of which go first.

use std::collections::{HashMap, VecDeque};

use super::random;

/// Most sessions kept: as many as users of the largest load test on one machine. Some 200 bytes each.
pub(super) const SESSIONS_MAX: usize = 100_000;
/// Longest user name that is taken: bounds what a session costs.
pub(super) const USER_BYTES_MAX: usize = 100;

/// One visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// What the form must send back.
    pub(super) csrf_token: String,
    /// None before the login.
    pub(super) user: Option<String>,
}

/// All visitors, by the value of their `session` cookie.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: HashMap<String, Session>,
    /// Ids from the oldest to the newest, also of sessions that have ended.
    ids: VecDeque<String>,
}

impl Sessions {
    /// The session with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Session> {
        self.by_id.get(id)
    }

    /// Begin a session. Returns its id.
    pub(super) fn begin(&mut self, user: Option<String>) -> (String, Session) {
        self.make_room();
        let id = random::token();
        let session = Session {
            csrf_token: random::token(),
            user,
        };
        self.by_id.insert(id.clone(), session.clone());
        self.ids.push_back(id.clone());
        (id, session)
    }

    /// End a session, if there is one.
    pub(super) fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    fn make_room(&mut self) {
        // Ended sessions leave their id behind, so the ids are what must be bounded.
        while self.ids.len() >= SESSIONS_MAX {
            if let Some(oldest) = self.ids.pop_front() {
                self.by_id.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_session_goes_when_there_are_too_many() {
        let mut sessions = Sessions::default();
        let (first, _) = sessions.begin(None);
        let (second, _) = sessions.begin(Some("ann".to_owned()));
        for _ in 2..SESSIONS_MAX {
            sessions.begin(None);
        }
        assert!(sessions.get(&first).is_some());
        sessions.begin(None);
        assert_eq!(sessions.get(&first), None);
        assert_eq!(sessions.get(&second).unwrap().user.as_deref(), Some("ann"));
        assert_eq!(
            (sessions.by_id.len(), sessions.ids.len()),
            (SESSIONS_MAX, SESSIONS_MAX)
        );
        sessions.end(&second);
        assert_eq!(sessions.get(&second), None);
    }
}
