//! The handshake (RTMP section 5.2): three blocks each way, and nothing of what is in them is looked at but the version.

use aws_lc_rs::rand;

/// The version that is spoken (section 5.2.2).
const VERSION: u8 = 3;
/// Length of C1, C2, S1 and S2.
const BLOCK_BYTES: usize = 1536;
/// Where the random bytes begin: behind two times.
const RANDOM_OFFSET: usize = 8;
/// So much of what came instead of a handshake is told.
const TOLD_BYTES_MAX: usize = 24;

/// A client's handshake.
///
/// C1 says zero where digests would have a version: servers then answer as section 5.2 says. Servers that send a digest handshake
/// all the same are taken: neither S1 nor the echo in S2 is checked, as neither librtmp nor nginx-rtmp checks an old one's.
#[derive(Debug)]
pub(crate) struct Handshake {
    time: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// S0 is to come.
    Version,
    /// S1 is; so much is there.
    First(Vec<u8>),
    /// S2 is; so much is missing.
    Second(usize),
}

impl Handshake {
    /// Begun at this time, in milliseconds of any clock (section 5.2.3).
    pub(crate) fn new(time: u32) -> Self {
        Self {
            time,
            state: State::Version,
        }
    }

    /// C0 and C1: what is sent first. Each call makes other random bytes.
    pub(crate) fn c0c1(&self) -> Vec<u8> {
        let mut out = vec![0; 1 + BLOCK_BYTES];
        if let Some((version, first)) = out.split_first_mut() {
            *version = VERSION;
            let (times, random) = first.split_at_mut(RANDOM_OFFSET);
            for (byte, of_time) in times.iter_mut().zip(self.time.to_be_bytes()) {
                *byte = of_time;
            }
            // The bytes need to differ from others', not to be secret; zeros would do.
            let _ = rand::fill(random);
        }
        out
    }

    /// Take what came, as far as it belongs to the handshake. C2 comes back, to be sent, when S1 is whole.
    ///
    /// # Errors
    /// What came is no RTMP, or another version; the text says what it is.
    pub(crate) fn feed(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, String> {
        if matches!(self.state, State::Version) {
            let Some((&version, rest)) = input.split_first() else {
                return Ok(None);
            };
            if version != VERSION {
                return Err(not_a_handshake(input));
            }
            *input = rest;
            self.state = State::First(Vec::with_capacity(BLOCK_BYTES));
        }
        let mut second = None;
        if let State::First(block) = &mut self.state {
            block.extend_from_slice(take(input, BLOCK_BYTES - block.len()));
            if block.len() < BLOCK_BYTES {
                return Ok(None);
            }
            // Section 5.2.4: the peer's time and random bytes; between them when this side read them.
            if let Some(read_at) = block.get_mut(4..RANDOM_OFFSET) {
                read_at.copy_from_slice(&self.time.to_be_bytes());
            }
            second = Some(std::mem::take(block));
            self.state = State::Second(BLOCK_BYTES);
        }
        if let State::Second(missing) = &mut self.state {
            *missing -= take(input, *missing).len();
        }
        Ok(second)
    }

    /// Whether S2 is whole. What follows it in the input is chunks.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Second(0))
    }
}

fn take<'a>(input: &mut &'a [u8], bytes_max: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(bytes_max.min(input.len()));
    *input = rest;
    taken
}

fn not_a_handshake(input: &[u8]) -> String {
    let (told, _) = input.split_at(TOLD_BYTES_MAX.min(input.len()));
    let first = told.first().copied().unwrap_or_default();
    format!(
        "version {first} instead of {VERSION}; what came begins with \"{}\"",
        told.escape_ascii()
    )
}
