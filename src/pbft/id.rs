//! Names of the things that the protocol counts: replicas, clients, views, sequence numbers.
//!
//! Each is a type of its own, so that a view cannot be passed where a sequence number is meant.
//! There is no `From<u64>`: a number becomes a view where the code says so. Counters grow by one at
//! a time and would need centuries to wrap; `next` therefore panics on overflow in debug builds and
//! nothing guards against it in release builds.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

number!(
    /// A replica, numbered 0 to n − 1 (OSDI'99 §4).
    ReplicaId(u16), "r"
);
number!(
    /// A client (OSDI'99 §4.1).
    ClientId(u32), "c"
);
number!(
    /// A view: a configuration in which one replica is primary and the others are backups
    /// (OSDI'99 §4). Views are numbered consecutively from 0.
    View(u64), "v"
);
number!(
    /// A sequence number: the place of a batch in the total order (OSDI'99 §4.2). The first
    /// proposal has number 1; 0 is the genesis block.
    SeqNum(u64), "#"
);
number!(
    /// A client's timestamp: orders its requests, for exactly-once execution (OSDI'99 §4.1).
    Timestamp(u64), "t"
);

impl ReplicaId {
    /// The replica's place in an array of replicas.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl View {
    /// The view that follows; on the last one that there is a number for, itself.
    pub fn next(self) -> View {
        View(self.0.saturating_add(1))
    }
}

impl SeqNum {
    /// The number of the genesis block; no proposal has it.
    pub const GENESIS: SeqNum = SeqNum(0);

    /// The number that follows; on the last one that there is, itself.
    pub fn next(self) -> SeqNum {
        SeqNum(self.0.saturating_add(1))
    }
}
