//! What came of a run.

use serde::{Deserialize, Serialize};

use crate::model::{Event, Property};
use crate::pbft::{Digest, Encoder, Principal, Tag};

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Every request was executed by every honest replica, and answered, and the network was stable.
    Finished,
    /// `--steps` ended it before that.
    Steps,
    /// The process was told to stop.
    Stopped,
    /// A property is violated.
    Violated {
        /// Which.
        property: Property,
        /// What is wrong.
        what: String,
    },
}

/// What happened in a run, or in several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Events that happened to somebody.
    pub steps: u64,
    /// Messages that were delivered, to honest and Byzantine alike.
    pub delivered: u64,
    /// Messages that were lost.
    pub lost: u64,
    /// Messages that were delivered twice.
    pub duplicated: u64,
    /// Messages that Byzantine replicas sent.
    pub byzantine: u64,
    /// Requests whose clients accepted a result.
    pub answered: u64,
    /// Blocks: the highest chain of an honest replica, in each run.
    pub blocks: u64,
    /// Views that an honest replica entered by a NEW-VIEW.
    pub view_changes: u64,
    /// Checkpoints that became stable at an honest replica.
    pub checkpoints: u64,
    /// States that an honest replica took over from another.
    pub transfers: u64,
    /// Crashes of honest replicas.
    pub crashes: u64,
    /// Times that an honest replica had proof that another is Byzantine.
    pub evidence: u64,
    /// Virtual time, in ticks.
    pub ticks: u64,
}

/// What is counted, in words, in the order of [`Counts::each`].
pub(super) const COUNTED: [&str; 13] = [
    "steps",
    "deliveries",
    "lost messages",
    "messages delivered twice",
    "messages of Byzantine replicas",
    "answered requests",
    "blocks",
    "view changes",
    "checkpoints",
    "state transfers",
    "crashes",
    "proofs of misbehaviour",
    "ticks",
];

impl Counts {
    /// Every count, in one order.
    pub(super) fn each_mut(&mut self) -> [&mut u64; 13] {
        let Counts { steps, delivered, lost, duplicated, byzantine, answered, .. } = self;
        let Counts { blocks, view_changes, checkpoints, transfers, crashes, evidence, ticks, .. } = self;
        [
            steps,
            delivered,
            lost,
            duplicated,
            byzantine,
            answered,
            blocks,
            view_changes,
            checkpoints,
            transfers,
            crashes,
            evidence,
            ticks,
        ]
    }

    /// Every count, in the same order.
    pub(super) fn each(mut self) -> [u64; 13] {
        self.each_mut().map(|count| *count)
    }

    pub(super) fn add(&mut self, other: &Counts) {
        self.each_mut().into_iter().zip(other.each()).for_each(|(own, other)| *own += other);
    }
}

/// A simulated run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub end: End,
    /// What happened.
    pub counts: Counts,
    /// What happened, one by one with the time, if it was recorded.
    pub events: Vec<(u64, Principal, Event)>,
    /// The system that ran.
    pub system: std::sync::Arc<crate::model::System>,
}

impl Outcome {
    /// SHA-256 over everything that was recorded: two runs with the same digest are the same run.
    pub fn digest(&self) -> Digest {
        let encoder = Encoder::new(Tag::Request).u64(self.seed).u64(self.events.len() as u64);
        let encoder = self.events.iter().fold(encoder, |encoder, (time, who, event)| {
            let (kind, content) = match event {
                Event::Deliver(message) => (0, format!("{message:?}")),
                Event::Timeout(view) => (1, view.to_string()),
                Event::Crash => (2, String::new()),
                Event::Invoke => (3, String::new()),
                Event::Resend => (4, String::new()),
            };
            encoder.u64(*time).bytes(who.to_string().as_bytes()).u16(kind).bytes(content.as_bytes())
        });
        encoder.bytes(format!("{:?} {:?}", self.end, self.counts).as_bytes()).finish()
    }

    /// The events, as a trace takes them.
    pub fn happened(&self) -> Vec<(Principal, Event)> {
        self.events.iter().map(|(_, who, event)| (*who, event.clone())).collect()
    }
}
