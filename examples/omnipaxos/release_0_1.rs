//! What omnipaxos 0.1.0 wants of their host.

use bft_check::protocol::Layers;
use omnipaxos::OmniPaxosConfig;
use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::ballot_leader_election::{BLEMessage, HeartbeatMsg, HeartbeatReply};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::adapter::{Command, Omni, Omnipaxos, Server, round};

/// Of two ballots of one round that of the server with the lower number is higher.
fn priority(pid: u64) -> u64 {
    10 - pid
}

/// A new server.
pub fn build(pid: u64, nodes: Vec<u64>) -> (Omni, Kept) {
    let peers = nodes.into_iter().filter(|&peer| peer != pid).collect();
    let leader_priority = priority(pid);
    let config = OmniPaxosConfig {
        configuration_id: 1,
        pid,
        peers,
        buffer_size: 16,
        leader_priority,
        ..OmniPaxosConfig::default()
    };
    (config.build(Disk::default()), ())
}

/// Where a server keeps what it has promised and accepted. Of this release no server crashes here.
pub type Disk = MemoryStorage<Command>;

/// Nothing outlives a server.
pub type Kept = ();

/// Nothing beyond safety without crashes.
pub fn layers() -> Layers<Omnipaxos> {
    Layers::none()
}

/// What waits to be sent.
pub fn outgoing(omni: &mut Omni) -> Vec<Message<Command>> {
    omni.outgoing_messages()
}

/// One round of heartbeats, in which all answer.
pub fn hear_all(server: &mut Server) {
    hear(server, &[1, 2, 3]);
}

/// One round of heartbeats, in which these servers answer.
fn hear(server: &mut Server, heard: &[u64]) {
    for &from in heard.iter().filter(|&&from| from != server.pid) {
        let ballot = Ballot::with(0, priority(from), from);
        let msg = HeartbeatMsg::Reply(HeartbeatReply { round: server.round, ballot, quorum_connected: true });
        server.omni.handle_incoming(Message::BLE(BLEMessage { from, to: server.pid, msg }));
    }
    server.omni.election_timeout();
}

/// Two rounds of heartbeats without the leader: in the first the server takes a higher ballot, in the second it has the
/// highest.
pub fn campaign(server: &mut Server, heard: &[u64]) {
    hear(server, heard);
    for message in server.omni.outgoing_messages() {
        if let Message::BLE(beat) = &message {
            server.round = round(beat).unwrap_or(server.round);
        }
    }
    hear(server, heard);
}
