//! Omnipaxos, as it is published, under the checker: three servers, none of which crashes or lies.
//!
//! What is the host's duty is done here: messages are handed over and fetched, and heartbeats are made up. Elections come of
//! heartbeats, thousands of them, of which next to none changes anything; here a server hears, in one event, just those
//! that do.

use std::process::ExitCode;

use bft_check::cli::{Flag, run_protocol_with};
use bft_check::protocol::{ByDebug, Effects, Input, Layers, Network, NodeId, Offer, Protocol, Slot};
use omnipaxos::OmniPaxos;
use omnipaxos::messages::Message;
use omnipaxos::messages::ballot_leader_election::{BLEMessage, HeartbeatMsg};
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::util::LogEntry;

use super::release;

pub type Omni = OmniPaxos<Command, release::Disk>;

/// What stands in the log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Command(pub char);

impl Entry for Command {
    type Snapshot = NoSnapshot;
}

/// Three servers of the release of this version. Node 0 is server 1 of omnipaxos, and so on.
#[derive(Clone, Copy)]
pub struct Omnipaxos {
    pub version: &'static str,
    /// How many commands are appended, in turn at servers 1 and 2.
    pub appends: u8,
    /// Whether server 1 is cut off when server 2 wants to lead.
    pub is_cut: bool,
}

/// The command line.
#[allow(dead_code, reason = "a test takes the adapter without it")]
pub fn main(version: &'static str) -> ExitCode {
    let flags = [
        Flag::new("appends", 2, "How many commands are appended, in turn at servers 1 and 2"),
        Flag::new("cut", true, "Whether server 1 is cut off when server 2 wants to lead"),
    ];
    run_protocol_with(&format!("omnipaxos-{version}"), &flags, |flags| {
        Ok(Omnipaxos { version, appends: flags.get("appends")?, is_cut: flags.get("cut")? })
    })
}

/// A server, and the round of heartbeats that it is in.
pub struct Server {
    pub pid: u64,
    pub omni: Omni,
    pub round: u32,
    /// What outlives it.
    #[allow(dead_code, reason = "of some releases no server crashes here")]
    pub disk: release::Kept,
}

/// What happens besides messages.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Somebody appends to the log.
    Append(char),
    /// The server hears the heartbeats of all: server 1 has the highest ballot.
    HearAll,
    /// The server does not hear server 1 any more, but the others, and wants to lead.
    Campaign,
}

const FIRST: NodeId = NodeId(0);
const SECOND: NodeId = NodeId(1);

pub fn pid(id: NodeId) -> u64 {
    u64::from(id.0) + 1
}

/// The round that a heartbeat asks for.
pub fn round(beat: &BLEMessage) -> Option<u32> {
    match &beat.msg {
        HeartbeatMsg::Request(request) => Some(request.round),
        HeartbeatMsg::Reply(_) => None,
    }
}

impl Server {
    /// Sends what waits to be sent, but for heartbeats, and says what is decided.
    pub fn flush(&mut self, effects: &mut Effects<Omnipaxos>) {
        for message in release::outgoing(&mut self.omni) {
            match &message {
                Message::BLE(beat) => self.round = round(beat).unwrap_or(self.round),
                _ => effects.send(NodeId(message.get_receiver() as u16 - 1), ByDebug(message)),
            }
        }
        let decided = self.omni.read_decided_suffix(0).unwrap_or_default();
        for (slot, entry) in (0..).zip(decided) {
            if let LogEntry::Decided(Command(value)) = entry {
                effects.decide(Slot(slot), value);
            }
        }
    }
}

impl Protocol for Omnipaxos {
    type Node = Server;
    type Message = ByDebug<Message<Command>>;
    type Event = Event;
    type Value = char;

    fn name(&self) -> String {
        format!("omnipaxos-{}", self.version)
    }

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Server {
        let (omni, disk) = release::build(pid(id), vec![1, 2, 3]);
        let mut server = Server { pid: pid(id), omni, round: 0, disk };
        server.flush(effects);
        server
    }

    fn step(&self, server: &mut Server, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Message { message, .. } => server.omni.handle_incoming(message.0),
            // To append while a reconfiguration is under way would be an error, and nobody reconfigures.
            Input::Event(Event::Append(value)) => drop(server.omni.append(Command(value))),
            Input::Event(Event::HearAll) => release::hear_all(server),
            Input::Event(Event::Campaign) => release::campaign(server, &[3]),
        }
        server.flush(effects);
    }

    /// Before the search begins server 1 leads, and all know it.
    fn prelude(&self) -> Vec<(NodeId, Event)> {
        NodeId::all(3).map(|id| (id, Event::HearAll)).collect()
    }

    fn events(&self) -> Vec<Offer<Event>> {
        let commands = ('a'..='z').take(usize::from(self.appends));
        let appends = commands.zip([FIRST, SECOND].into_iter().cycle());
        let appends = appends.map(|(command, at)| Offer::once(at, Event::Append(command)));
        appends.chain([Offer::once(SECOND, Event::Campaign)]).collect()
    }

    fn network(&self) -> Network {
        Network::FIFO
    }

    /// Server 2 wants to lead because server 1 is cut off.
    fn cuts(&self, _: NodeId, event: &Event) -> Vec<(NodeId, NodeId)> {
        match event {
            Event::Campaign if self.is_cut => vec![(FIRST, SECOND), (FIRST, NodeId(2))],
            _ => Vec::new(),
        }
    }

    fn is_valid(&self, _: Slot, value: &char) -> bool {
        ('a'..='z').take(usize::from(self.appends)).any(|command| command == *value)
    }

    fn layers(&self) -> Layers<Self> {
        release::layers()
    }

    fn message_in_words(&self, message: &Self::Message) -> String {
        let words = match &message.0 {
            Message::SequencePaxos(message) => format!("{:?}", message.msg),
            other => format!("{other:?}"),
        };
        ["Ballot ", "config_id: 1, "].iter().fold(words, |words, noise| words.replace(noise, ""))
    }
}
