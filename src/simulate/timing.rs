//! How long things take in a run, in ticks of virtual time.

/// How long a replica's timer runs before it has doubled, in ticks.
pub(super) const TIMEOUT: u64 = 300;
/// How long a client waits before it sends its request to all, in ticks, before that has doubled.
pub(super) const PATIENCE: u64 = 200;
/// How often a replica says how far it is, in ticks.
pub(super) const RETRANSMISSION: u64 = 150;
/// A timer doubles no more often than this: virtual time is finite, too.
pub(super) const MOST_DOUBLINGS: u32 = 32;
/// How often a Byzantine replica acts on its own, in ticks.
pub(super) const INITIATIVE: u64 = 40;
/// The delays of a stable network, in ticks.
pub(super) const STABLE_DELAY: (u64, u64) = (1, 5);
