//! Chance as an argument: every choice of a world is drawn from one script of bytes.
//!
//! A seed only makes the script. So a failing world is shrunk by deleting bytes, and replayed from what is left.
//! Zero is the calm choice everywhere, and a script that is over answers zero.

/// The bytes of one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Draws the profile: which faults, how strong, which contract.
    pub head: Vec<u8>,
    /// Draws everything that happens in the chaos. It ends with the last byte.
    pub body: Vec<u8>,
}

impl Script {
    /// Bytes of a profile: the first, and further ones from behind the chaos, so that more draws leave older worlds as they were.
    const HEAD_BYTES: usize = 128;
    const MORE_HEAD_BYTES: usize = 128;
    /// Bytes of a chaos: some hundreds of steps.
    const BODY_BYTES: usize = 1_500;

    /// The script of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let all = Self::HEAD_BYTES + Self::BODY_BYTES + Self::MORE_HEAD_BYTES;
        let mut bytes = Vec::with_capacity(all + 8);
        while bytes.len() < all {
            bytes.extend(splitmix(&mut state).to_le_bytes());
        }
        let length = Self::BODY_BYTES / 4 + usize::from(bytes[0]) * Self::BODY_BYTES * 3 / 4 / 255;
        let (head, rest) = bytes.split_at(Self::HEAD_BYTES);
        let (body, more) = rest.split_at(Self::BODY_BYTES);
        Self { head: head.iter().chain(more).copied().collect(), body: body[..length].to_vec() }
    }
}

/// Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Draws from bytes, in order.
#[derive(Debug, Clone)]
pub struct Chance {
    bytes: Vec<u8>,
    at: usize,
}

impl Chance {
    /// Draws from these.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// Whether every byte has been drawn.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// One byte; 0 when all is over.
    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A number below `n`, which is at most 256; 0 if there is nothing to choose.
    pub fn below(&mut self, n: usize) -> usize {
        if n <= 1 { 0 } else { usize::from(self.byte()) * n / 256 }
    }

    /// One of several. `None` only of none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// Whether something of this weight (of 256) happens.
    pub fn happens(&mut self, weight: u8) -> bool {
        weight > 0 && self.byte() >= u8::MAX - (weight - 1)
    }
}
