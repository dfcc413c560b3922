//! SHA-256 over a canonical encoding.
//!
//! Every preimage starts with a tag of its own, followed by fixed-width big-endian numbers and
//! length-prefixed bytes, so that two different values never share a preimage. The frequent
//! preimages fit in 55 bytes, one compression of SHA-256.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of no bytes that this crate encodes: parent of the genesis block.
    pub const ZERO: Digest = Digest([0; 32]);

    /// The digest with these bytes.
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    /// The first four bytes in hexadecimal: enough to tell digests apart in a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    /// All 64 hexadecimal digits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex: String = self.0.iter().map(|b| format!("{b:02x}")).collect();
        serializer.serialize_str(&hex)
    }
}

/// Reads 64 hexadecimal digits in lower case.
impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("'{text}' is no digest: 64 digits from 0 to f are one"));
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        if text.len() != 64 {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = digit(pair[0]).zip(digit(pair[1])).ok_or_else(wrong)?;
            *byte = digits.0 << 4 | digits.1;
        }
        Ok(Digest(bytes))
    }
}

/// What kind of value is encoded; the first byte of every preimage and of every signed text.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Tag {
    /// A client's request.
    Request = 1,
    /// A batch of requests.
    Batch,
    /// A block of the chain.
    Block,
    /// PRE-PREPARE.
    PrePrepare,
    /// PREPARE.
    Prepare,
    /// COMMIT.
    Commit,
    /// CHECKPOINT.
    Checkpoint,
    /// VIEW-CHANGE.
    ViewChange,
    /// NEW-VIEW.
    NewView,
    /// REPLY.
    Reply,
    /// The result of an operation.
    Outcome,
    /// The agreed state at a checkpoint.
    Snapshot,
    /// STATUS.
    Status,
    /// STATE.
    State,
}

/// Collects the canonical encoding of a value.
#[derive(Clone, Debug)]
pub struct Encoder(smallvec::SmallVec<[u8; 96]>);

impl Encoder {
    /// Starts the encoding of a value of this kind.
    #[inline(always)]
    pub fn new(tag: Tag) -> Self {
        let mut bytes = smallvec::SmallVec::new();
        bytes.push(tag as u8);
        Encoder(bytes)
    }

    /// Appends a 16-bit number.
    #[inline(always)]
    pub fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends a 32-bit number.
    #[inline(always)]
    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends a 64-bit number.
    #[inline(always)]
    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends a digest.
    #[inline(always)]
    pub fn digest(mut self, value: &Digest) -> Self {
        self.0.extend_from_slice(&value.0);
        self
    }

    /// Appends bytes, preceded by their length.
    #[inline(always)]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend_from_slice(&(value.len() as u64).to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// The encoding.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The SHA-256 digest of the encoding.
    #[inline]
    pub fn finish(self) -> Digest {
        Digest(Sha256::digest(&self.0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha256_of_the_tagged_encoding() {
        // printf '\x02\x00\x00\x00\x00' | sha256sum
        let empty_batch = Encoder::new(Tag::Batch).u32(0).finish();
        assert_eq!(empty_batch, Digest(Sha256::digest([2, 0, 0, 0, 0]).into()));
    }

    #[test]
    fn length_prefix_keeps_neighbouring_fields_apart() {
        let one = Encoder::new(Tag::Request).bytes(b"ab").bytes(b"c").finish();
        let two = Encoder::new(Tag::Request).bytes(b"a").bytes(b"bc").finish();
        assert_ne!(one, two);
    }
}
