//! FLV files as the tests look at them (FLV specification 10.1, annex E): tag by tag, byte for byte, by code that has nothing in common
//! with the product's.

use std::path::Path;

/// `E.2`: signature, version 1, audio and video, a header of 9 bytes; then the size of the tag before the first.
pub const HEADER: &[u8] = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00";
/// Audio data.
pub const AUDIO: u8 = 8;
/// Video data.
pub const VIDEO: u8 = 9;
/// Script data.
pub const SCRIPT: u8 = 18;
/// Bytes of a tag's header.
const TAG_HEADER: usize = 11;

/// One tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Tag {
    /// [`AUDIO`], [`VIDEO`] or [`SCRIPT`].
    pub kind: u8,
    /// Milliseconds.
    pub timestamp: u32,
    /// What it carries.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let begin = self.data.get(..self.data.len().min(8));
        write!(
            f,
            "{} at {} of {} bytes {begin:02x?}",
            self.kind,
            self.timestamp,
            self.data.len()
        )
    }
}

impl Tag {
    /// Whether it holds audio or video.
    #[must_use]
    pub fn is_media(&self) -> bool {
        matches!(self.kind, AUDIO | VIDEO)
    }

    /// Whether it is an AVC or AAC sequence header.
    #[must_use]
    pub fn is_codec_header(&self) -> bool {
        let low = self.data.first().copied().unwrap_or_default();
        let packet = self.data.get(1).copied();
        match self.kind {
            VIDEO => low & 0x0f == 7 && packet == Some(0),
            AUDIO => low >> 4 == 10 && packet == Some(0),
            _ => false,
        }
    }

    /// Whether it is a video frame from which decoding can begin.
    #[must_use]
    pub fn is_key_frame(&self) -> bool {
        // A packet of type 2 is none: it says that there are no more.
        self.kind == VIDEO
            && self.data.first().is_some_and(|first| first >> 4 == 1)
            && self.data.get(1) == Some(&1)
    }

    /// What makes two tags the same media, whenever they are shown.
    #[must_use]
    pub fn media(&self) -> (u8, &[u8]) {
        (self.kind, &self.data)
    }

    /// The bytes of it in a file, the size behind it included.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let size = u32::try_from(self.data.len()).expect("a tag is small");
        let mut bytes = vec![self.kind];
        bytes.extend_from_slice(&size.to_be_bytes()[1..]);
        bytes.extend_from_slice(&self.timestamp.to_be_bytes()[1..]);
        bytes.push(self.timestamp.to_be_bytes()[0]);
        bytes.extend_from_slice(&[0, 0, 0]);
        bytes.extend_from_slice(&self.data);
        let whole = u32::try_from(bytes.len()).expect("a tag is small");
        bytes.extend_from_slice(&whole.to_be_bytes());
        bytes
    }
}

/// A file of these tags.
#[must_use]
pub fn file(tags: &[Tag]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    tags.iter()
        .for_each(|tag| bytes.extend_from_slice(&tag.bytes()));
    bytes
}

/// All whole tags of a file's bytes; what is cut off at the end is left out, as a recorder that is ended leaves it.
#[must_use]
pub fn tags(bytes: &[u8]) -> Vec<Tag> {
    assert!(bytes.starts_with(b"FLV\x01"), "no FLV file");
    let mut tags = Vec::new();
    let mut rest = bytes.get(HEADER.len()..).unwrap_or_default();
    while let Some(head) = rest.get(..TAG_HEADER) {
        let size = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let Some(data) = rest.get(TAG_HEADER..TAG_HEADER + size) else {
            break;
        };
        tags.push(Tag {
            kind: head[0] & 0x1f,
            timestamp,
            data: data.to_vec(),
        });
        rest = rest.get(TAG_HEADER + size + 4..).unwrap_or_default();
    }
    tags
}

/// The tags of a file.
#[must_use]
pub fn read(path: &Path) -> Vec<Tag> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    tags(&bytes)
}

/// Audio and video of a file, without sequence headers and what ends a sequence.
#[must_use]
pub fn frames(tags: &[Tag]) -> Vec<&Tag> {
    tags.iter()
        .filter(|tag| tag.is_media() && !tag.is_codec_header() && tag.data.len() > 5)
        .collect()
}

/// `part` is what somebody received of `whole`, which was sent again and again: its frames follow one another as they do there, byte
/// for byte, with none missing, and audio and video each from wherever it began to receive. Returns how many frames were compared.
///
/// # Panics
/// With the first frame that differs.
#[track_caller]
pub fn expect_run(whole: &[Tag], part: &[Tag]) -> usize {
    let mut compared = 0;
    for kind in [AUDIO, VIDEO] {
        let of = |tags: &[Tag]| -> Vec<Vec<u8>> {
            let frames = frames(tags).into_iter().filter(|tag| tag.kind == kind);
            frames.map(|tag| tag.data.clone()).collect()
        };
        let (sent, received) = (of(whole), of(part));
        let Some(first) = received.first() else {
            continue;
        };
        // Frames may be alike: the beginning is right if all that follows is.
        let starts = (0..sent.len()).filter(|at| sent.get(*at) == Some(first));
        let longest = starts
            .map(|start| {
                let expected = sent.iter().cycle().skip(start);
                let same = received.iter().zip(expected);
                same.take_while(|(got, sent)| got == sent).count()
            })
            .max();
        assert_eq!(
            longest,
            Some(received.len()),
            "of {} frames of kind {kind}, so many are as they were sent",
            received.len()
        );
        compared += received.len();
    }
    compared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, timestamp: u32, data: &[u8]) -> Tag {
        Tag {
            kind,
            timestamp,
            data: data.to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let all = [
            tag(SCRIPT, 0, b"\x02\x00\x01x"),
            tag(VIDEO, 0x0102_0304, b"\x17\x01\x00\x00\x00key"),
            tag(AUDIO, 0xff00_0000, b"\xaf\x01sound"),
        ];
        let bytes = file(&all);
        assert_eq!(tags(&bytes), all);
        assert_eq!(tags(&bytes[..bytes.len() - 6]), all[..2]);
        assert!(all[1].is_key_frame() && !all[1].is_codec_header());
    }

    #[test]
    fn a_run_goes_on_where_the_whole_begins_anew() {
        let whole: Vec<Tag> = (0..5_u8)
            .flat_map(|n| {
                [
                    tag(VIDEO, 0, &[0x27, 1, 0, 0, 0, n]),
                    tag(AUDIO, 0, &[0xaf, 1, 0, 0, 0, n]),
                ]
            })
            .collect();
        let twice = [&whole[6..], &whole[..3]].concat();
        assert_eq!(expect_run(&whole, &twice), 7);
    }

    #[test]
    #[should_panic(expected = "so many are as they were sent")]
    fn a_missing_frame_is_found() {
        let whole: Vec<Tag> = (0..5_u8)
            .map(|n| tag(VIDEO, 0, &[0x27, 1, 0, 0, 0, n]))
            .collect();
        let part = [&whole[..2], &whole[3..]].concat();
        let _compared = expect_run(&whole, &part);
    }
}
