//! How much is explored: the sizes, and how they read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much of the protocol's behaviour is explored, whoever is Byzantine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// n: the number of replicas.
    pub replicas: u16,
    /// f: the number of Byzantine replicas that the thresholds are made for.
    pub faults: u16,
    /// Views 0 to this number less one are explored: no timer fires in the last.
    pub views: u64,
    /// Sequence numbers 1 to this one may be assigned.
    pub slots: u64,
    /// Requests that clients send, each by a client of its own, all at once.
    pub requests: u32,
    /// K: a checkpoint at every multiple of it; without, none is taken within the bound.
    pub checkpoint: Option<u64>,
    /// L: how far the high watermark lies above the low one; without, as far as there are slots.
    pub window: Option<u64>,
    /// How often honest replicas crash and recover, all together.
    pub crashes: u32,
    /// What their storage does in a crash.
    pub store: Store,
    /// Whether clients take part: they wait for replies and believe them. Without, replies go nowhere.
    pub clients: bool,
    /// Requests that only read, each by a further client; each is asked at any time. They take part only if
    /// the rulebook answers reads without ordering them; otherwise they are requests like the others.
    pub reads: u32,
    /// Whether a message that has had no consequence by the time at which the network becomes stable is lost.
    /// Only a check of liveness asks.
    pub lossy: bool,
    /// What a simulated run carries; none in a bound that is explored exhaustively. Where it stands, views and
    /// sequence numbers have no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
}

/// How much work a simulated system gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Requests that each client sends, one after the other.
    pub operations: u32,
    /// The most requests in a batch.
    pub batch: u32,
    /// The most sequence numbers that a primary has assigned and not yet executed.
    pub in_flight: u32,
}

impl Default for Load {
    /// Few requests, batches and pipelining: what is found is to be read by a person.
    fn default() -> Self {
        Load { operations: 4, batch: 2, in_flight: 4 }
    }
}

/// What stable storage does in a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// It keeps everything that was written.
    #[default]
    Keeps,
    /// It loses what the last step wrote that wrote anything.
    LosesLast,
}

impl Scope {
    /// The bound of the default check: one view change, one slot, two requests that compete for it.
    pub const DEFAULT: Scope = Scope {
        replicas: 4,
        faults: 1,
        views: 2,
        slots: 1,
        requests: 2,
        checkpoint: None,
        window: None,
        crashes: 0,
        store: Store::Keeps,
        clients: false,
        reads: 0,
        lossy: false,
        load: None,
    };
}

impl Scope {
    /// K, where it has a default: without checkpoints, beyond what is explored.
    pub(in crate::model) fn checkpoint_interval(&self) -> u64 {
        self.checkpoint.unwrap_or(if self.load.is_some() { 128 } else { self.slots + 1 })
    }

    /// L, where it has a default.
    pub(in crate::model) fn watermarks(&self) -> u64 {
        let default = if self.load.is_some() { 2 * self.checkpoint_interval() } else { self.slots };
        self.window.unwrap_or(default)
    }
}

fn plural(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &plural(self.views, "view"))
    }
}

impl Scope {
    /// The scope in words, with these in the place of how many views it has.
    pub fn with_views(&self, views: &str) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = self.write(&mut text, views);
        text
    }

    fn write(&self, f: &mut impl fmt::Write, views: &str) -> fmt::Result {
        write!(f, "n={} f={}, ", self.replicas, self.faults)?;
        match self.load {
            None => write!(
                f,
                "{views}, {}, {}",
                plural(self.slots, "slot"),
                plural(u64::from(self.requests), "request"),
            )?,
            Some(load) => write!(
                f,
                "{} of {} each, {} at most in a batch",
                plural(u64::from(self.requests), "client"),
                plural(u64::from(load.operations), "request"),
                load.batch,
            )?,
        }
        if let Some(interval) = self.checkpoint {
            write!(f, ", K={interval}")?;
        }
        if let Some(window) = self.window {
            write!(f, ", L={window}")?;
        }
        if self.crashes > 0 {
            write!(f, ", {}", plural(u64::from(self.crashes), "crash").replace("crashs", "crashes"))?;
            if self.store == Store::LosesLast {
                write!(f, " losing the last write")?;
            }
        }
        if self.reads > 0 {
            write!(f, ", {}", plural(u64::from(self.reads), "read"))?;
        }
        if self.clients && self.load.is_none() {
            write!(f, ", clients")?;
        }
        if self.lossy {
            write!(f, ", lossy")?;
        }
        Ok(())
    }
}
