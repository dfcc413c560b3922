//! Requests, batches, and the hash-linked chain of blocks.
//!
//! Agreement is on the digest of a *batch* of requests at a sequence number. A batch becomes a
//! *block* when it is executed, in order: only then is the hash of its parent known, so that
//! pipelined sequence numbers and null requests keep one chain on every honest replica.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use smallvec::SmallVec;

use super::digest::{Digest, Encoder, Tag};
use super::id::{ClientId, SeqNum, Timestamp};
use super::signature::{Principal, Signable, Signed};

/// A client's request ⟨REQUEST, o, t, c⟩ (OSDI'99 §4.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The client that asks.
    pub client: ClientId,
    /// Orders this client's requests: execution is exactly once per timestamp.
    pub timestamp: Timestamp,
    /// The operation for the replicated service.
    pub operation: Arc<[u8]>,
}

impl Request {
    /// What tells this request from every other.
    pub fn id(&self) -> RequestId {
        RequestId { timestamp: self.timestamp, client: self.client }
    }

    fn digest(&self) -> Digest {
        self.encode().finish()
    }
}

impl Signable for Request {
    fn encode(&self) -> Encoder {
        Encoder::new(Tag::Request).u32(self.client.0).u64(self.timestamp.0).bytes(&self.operation)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id())
    }
}

/// Names a request. Ordered by timestamp first, so that a primary which serves the smallest first
/// starves nobody: a client's later requests stand behind everybody's earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// The request's timestamp.
    pub timestamp: Timestamp,
    /// Its client.
    pub client: ClientId,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.client, self.timestamp)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A request with a signature: its client's, if the request is authentic.
pub type SignedRequest = Signed<Request>;

/// Whether the signer of a request is the client that it names.
pub fn signed_by_its_client(request: &SignedRequest) -> bool {
    request.signer() == Principal::Client(request.client)
}

struct BatchContent {
    requests: Box<[SignedRequest]>,
    digest: Digest,
}

/// What a sequence number is assigned to: requests in the order in which they are executed. The
/// empty batch is the *null request* of OSDI'99 §4.4. Cheap to clone.
#[derive(Clone)]
pub struct Batch(Arc<BatchContent>);

impl Batch {
    /// A batch of these requests; its digest covers every request but no signature.
    pub fn new(requests: impl IntoIterator<Item = SignedRequest>) -> Self {
        let requests: Box<[SignedRequest]> = requests.into_iter().collect();
        let digest = requests
            .iter()
            .fold(Encoder::new(Tag::Batch).u32(requests.len() as u32), |encoder, request| {
                encoder.digest(&request.digest())
            })
            .finish();
        Batch(Arc::new(BatchContent { requests, digest }))
    }

    /// The null request: goes through the protocol like any other, but executes nothing.
    pub fn null() -> Self {
        static NULL: LazyLock<Batch> = LazyLock::new(|| Batch::new([]));
        NULL.clone()
    }

    /// Whether this is the null request.
    pub fn is_null(&self) -> bool {
        self.0.requests.is_empty()
    }

    /// The digest of the contents, right by construction.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The requests, in the order of execution.
    pub fn requests(&self) -> &[SignedRequest] {
        &self.0.requests
    }
}

impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.digest == other.0.digest && self.0.requests == other.0.requests)
    }
}

impl Eq for Batch {}

impl PartialOrd for Batch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Batch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.digest, &self.0.requests).cmp(&(other.0.digest, &other.0.requests))
    }
}

impl Hash for Batch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() {
            return f.write_str("null");
        }
        for (i, request) in self.requests().iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { "+" }, request.id())?;
        }
        Ok(())
    }
}

/// An executed batch, linked to its parent.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Block {
    seq: SeqNum,
    parent: Digest,
    batch: Batch,
    executed: SmallVec<[RequestId; 1]>,
    hash: Digest,
}

impl Block {
    fn new(seq: SeqNum, parent: Digest, batch: Batch, executed: SmallVec<[RequestId; 1]>) -> Self {
        let hash = Encoder::new(Tag::Block).u64(seq.0).digest(&parent).digest(&batch.digest()).finish();
        Block { seq, parent, batch, executed, hash }
    }

    /// The sequence number at which the batch was agreed on; also the height of the block.
    pub fn seq(&self) -> SeqNum {
        self.seq
    }

    /// The hash of the block before this one.
    pub fn parent(&self) -> Digest {
        self.parent
    }

    /// The requests that were ordered.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Those of them that were executed: not the ones which had been executed before.
    pub fn executed(&self) -> &[RequestId] {
        &self.executed
    }

    /// SHA-256 over the number, the parent's hash and the batch's digest.
    pub fn digest(&self) -> Digest {
        self.hash
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.batch)
    }
}

/// The blocks that a replica has executed, from its stable checkpoint on. Before the first
/// checkpoint that is the genesis block and everything after it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    base: SeqNum,
    base_hash: Digest,
    blocks: Vec<Arc<Block>>,
}

impl Chain {
    /// The chain that holds the genesis block alone.
    pub fn genesis() -> Self {
        static GENESIS: LazyLock<Digest> = LazyLock::new(|| {
            Block::new(SeqNum::GENESIS, Digest::ZERO, Batch::null(), SmallVec::new()).digest()
        });
        Chain { base: SeqNum::GENESIS, base_hash: *GENESIS, blocks: Vec::new() }
    }

    /// The chain after the block with this number and hash, of which nothing else is known.
    pub(super) fn from_checkpoint(seq: SeqNum, hash: Digest) -> Self {
        Chain { base: seq, base_hash: hash, blocks: Vec::new() }
    }

    /// The sequence number of the last executed batch; 0 if there is none.
    pub fn height(&self) -> SeqNum {
        SeqNum(self.base.0.saturating_add(self.blocks.len() as u64))
    }

    /// The hash of the last block: since every block names its parent, a digest of the whole
    /// history, and so of the service's state.
    pub fn head(&self) -> Digest {
        self.blocks.last().map_or(self.base_hash, |block| block.hash)
    }

    /// The number of the block before the first that is kept.
    pub fn base(&self) -> SeqNum {
        self.base
    }

    /// The blocks after [`Self::base`], oldest first.
    pub fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// The hash of the block with this number, if it is kept.
    pub fn hash_at(&self, seq: SeqNum) -> Option<Digest> {
        if seq == self.base {
            return Some(self.base_hash);
        }
        let index = seq.0.checked_sub(self.base.0)?.checked_sub(1)?;
        self.blocks.get(index as usize).map(|block| block.hash)
    }

    /// Appends the next block; `executed` names the requests of `batch` that were executed.
    pub(super) fn append(&mut self, batch: Batch, executed: SmallVec<[RequestId; 1]>) -> Arc<Block> {
        let block = Arc::new(Block::new(self.height().next(), self.head(), batch, executed));
        self.blocks.push(Arc::clone(&block));
        block
    }

    /// Forgets the blocks up to and including `seq`, which a stable checkpoint vouches for.
    pub(super) fn truncate_below(&mut self, seq: SeqNum) {
        if let Some(hash) = self.hash_at(seq) {
            self.blocks.drain(..(seq.0 - self.base.0) as usize);
            self.base = seq;
            self.base_hash = hash;
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.blocks).finish()
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::pbft::signature::KeySet;

    fn request(client: u32, timestamp: u64) -> SignedRequest {
        KeySet::symbolic(1, 8).clients[client as usize].sign(Request {
            client: ClientId(client),
            timestamp: Timestamp(timestamp),
            operation: Arc::from(&b"op"[..]),
        })
    }

    #[test]
    fn order_matters_to_a_batch() {
        let (a, b) = (request(0, 1), request(1, 1));
        assert_ne!(Batch::new([a.clone(), b.clone()]).digest(), Batch::new([b, a]).digest());
        assert!(Batch::null().is_null());
    }

    #[test]
    fn every_block_names_its_parent_and_truncation_keeps_the_head() {
        let mut chain = Chain::genesis();
        let genesis = chain.head();
        let first = chain.append(Batch::new([request(0, 1)]), smallvec![request(0, 1).id()]);
        let second = chain.append(Batch::null(), smallvec![]);
        assert_eq!(first.parent(), genesis);
        assert_eq!(second.parent(), first.digest());
        assert_eq!(chain.height(), SeqNum(2));

        let head = chain.head();
        chain.truncate_below(SeqNum(1));
        assert_eq!(chain.blocks().len(), 1);
        assert_eq!((chain.head(), chain.height()), (head, SeqNum(2)));
        assert_eq!(chain.hash_at(SeqNum(1)), Some(first.digest()));
        assert_eq!(chain.hash_at(SeqNum::GENESIS), None);
    }
}
