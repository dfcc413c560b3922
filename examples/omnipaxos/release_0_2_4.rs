//! What omnipaxos 0.2.4 wants of their host.

use bft_check::protocol::Layers;
use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::ballot_leader_election::{BLEMessage, HeartbeatMsg, HeartbeatReply};
use omnipaxos::{ClusterConfig, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::adapter::{Command, Omni, Omnipaxos, Server};

/// Of two ballots of one round that of the server with the lower number is higher.
fn priority(pid: u64) -> u32 {
    10 - pid as u32
}

/// A new server. A tick is a round of heartbeats; nothing is sent again, for nothing is lost but by a cut.
pub fn build(pid: u64, nodes: Vec<u64>) -> (Omni, Kept) {
    let cluster_config = ClusterConfig { configuration_id: 1, nodes, ..ClusterConfig::default() };
    let server_config = ServerConfig {
        pid,
        election_tick_timeout: 1,
        resend_message_tick_timeout: u64::MAX,
        flush_batch_tick_timeout: u64::MAX,
        buffer_size: 16,
        leader_priority: priority(pid),
        ..ServerConfig::default()
    };
    let config = OmniPaxosConfig { cluster_config, server_config };
    (config.build(Disk::default()).expect("the configuration is right"), ())
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
    let mut messages = Vec::new();
    omni.take_outgoing_messages(&mut messages);
    messages
}

/// One round of heartbeats, in which all answer, and are content with server 1 or themselves.
pub fn hear_all(server: &mut Server) {
    hear(server, &[1, 2, 3], true);
}

/// A round of heartbeats without the leader, with others who miss it too: the server takes a higher ballot and leads.
pub fn campaign(server: &mut Server, heard: &[u64]) {
    hear(server, heard, false);
}

fn hear(server: &mut Server, heard: &[u64], happy: bool) {
    let ballot = |pid| Ballot::with(1, 1, priority(pid), pid);
    for &from in heard.iter().filter(|&&from| from != server.pid) {
        let leader = ballot(1);
        let reply = HeartbeatReply { round: server.round, ballot: ballot(from), leader, happy };
        let msg = HeartbeatMsg::Reply(reply);
        server.omni.handle_incoming(Message::BLE(BLEMessage { from, to: server.pid, msg }));
    }
    server.omni.tick();
}
