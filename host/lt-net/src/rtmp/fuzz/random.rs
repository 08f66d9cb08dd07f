//! Numbers that follow from a seed, and what they do to bytes.

/// Bytes that formats have a meaning for.
const TELLING: [u8; 12] = [0, 1, 2, 3, 9, 0x10, 0x17, 0x7f, 0x80, 0x97, 0xc3, 0xff];

/// A source of numbers: SplitMix64, which needs no more than a seed.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below this, which is not zero.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // The upper half times the bound: its upper half is below it.
        let [a, b, c, d, ..] = self.next().to_be_bytes();
        let wide = u64::from(u32::from_be_bytes([a, b, c, d])) * u64::from(bound);
        let [a, b, c, d, ..] = wide.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Mostly short, now and then some hundreds.
    pub(super) fn length(&mut self) -> usize {
        let bound = self.pick(&[2, 16, 80, 80, 300, 700]);
        self.below(bound) as usize
    }

    /// One of these.
    pub(super) fn pick<T: Copy + Default>(&mut self, of: &[T]) -> T {
        let index = self.below(u32::try_from(of.len()).unwrap_or(1).max(1));
        of.get(index as usize).copied().unwrap_or_default()
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + size_of::<u64>());
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_be_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Time stamps around all that may go wrong with them.
    pub(super) fn timestamp(&mut self) -> u32 {
        let around = self.pick(&[0, 0, 1000, 0x00ff_ffff, 0x0100_0000, 0x7fff_ffff, u32::MAX]);
        around
            .wrapping_add(self.below(64))
            .wrapping_sub(self.below(32))
    }

    /// Change, leave out, repeat or put in some bytes.
    pub(super) fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            if length == 0 {
                return;
            }
            let at = self.below(length) as usize;
            let end = (at + self.length()).min(bytes.len());
            match self.below(6) {
                0 => {
                    let bit = 1 << self.below(8);
                    bytes
                        .iter_mut()
                        .skip(at)
                        .take(1)
                        .for_each(|byte| *byte ^= bit);
                }
                1 | 2 => {
                    let telling = self.pick(&TELLING);
                    bytes
                        .iter_mut()
                        .skip(at)
                        .take(1)
                        .for_each(|byte| *byte = telling);
                }
                3 => drop(bytes.drain(at..end)),
                4 => {
                    let part = bytes.get(at..end).unwrap_or_default().to_owned();
                    let to = self.below(length) as usize;
                    bytes.splice(to..to, part);
                }
                _ => {
                    let length = self.below(12) as usize;
                    let part = self.bytes(length);
                    bytes.splice(at..at, part);
                }
            }
        }
    }
}
