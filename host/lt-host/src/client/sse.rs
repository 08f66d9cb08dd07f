//! Server-sent events out of a stream of bytes (WHATWG HTML, section 9.2.6).

/// One line of an event is at most this long: a snapshot takes some ten kilobytes, what the run and its scenario say of
/// themselves no more than a megabyte.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// What it is: `snapshot`, `change`, `ended`.
    pub(crate) name: String,
    /// What it says: JSON.
    pub(crate) data: String,
    /// Its id, if it has one of its own.
    pub(crate) id: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    rest: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl EventReader {
    /// Take in what came; the events that are whole now.
    ///
    /// # Errors
    /// If one is longer than any of ours.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, String> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut read = 0;
        while let Some(length) = self
            .rest
            .get(read..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
        {
            let line = self.rest.get(read..read + length).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = String::from_utf8_lossy(line).into_owned();
            read += length + 1;
            events.extend(self.line(&line));
        }
        self.rest.drain(..read);
        if self.rest.len() + self.event.data.len() > EVENT_BYTES_MAX {
            return Err("an event is longer than any of a host's".to_owned());
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            // A comment, or a word of another time.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nevent: snapshot\nid: 12\ndata: {\"a\":1}\n\nid: 13\r\nevent:change\r\ndata: one\r\ndata: two\r\n\r\nevent: empty\n\ndata\n\n";

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn events_are_whole_however_they_come() {
        let wanted = [
            event("snapshot", "{\"a\":1}", Some("12")),
            event("change", "one\ntwo", Some("13")),
            event("", "", None),
        ];
        for size in [1, 3, 7, 1000] {
            let mut reader = EventReader::default();
            let chunks = STREAM.as_bytes().chunks(size);
            let events: Vec<Event> = chunks.flat_map(|it| reader.push(it).unwrap()).collect();
            assert_eq!(events, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_no_event() {
        let mut reader = EventReader::default();
        let piece = vec![b'x'; EVENT_BYTES_MAX / 2];
        reader.push(&piece).unwrap();
        reader.push(&piece).unwrap();
        assert!(reader.push(b"y").is_err());
    }
}
