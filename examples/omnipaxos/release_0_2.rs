//! What omnipaxos 0.2.0 and 0.2.1 want of their host.

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::ballot_leader_election::{BLEMessage, HeartbeatMsg, HeartbeatReply};
use omnipaxos::{ClusterConfig, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::adapter::{Command, Omni, Server, round};

/// Of two ballots of one round that of the server with the lower number is higher.
fn priority(pid: u64) -> u32 {
    10 - pid as u32
}

/// A new server. A tick is a round of heartbeats; nothing is sent again, for nothing is lost but by a cut.
pub fn build(pid: u64, nodes: Vec<u64>) -> Omni {
    let cluster_config = ClusterConfig { configuration_id: 1, nodes, ..ClusterConfig::default() };
    let server_config = ServerConfig {
        pid,
        election_tick_timeout: 1,
        resend_message_tick_timeout: u64::MAX,
        buffer_size: 16,
        leader_priority: priority(pid),
        ..ServerConfig::default()
    };
    OmniPaxosConfig { cluster_config, server_config }
        .build(MemoryStorage::default())
        .expect("the configuration is right")
}

/// What waits to be sent.
pub fn outgoing(omni: &mut Omni) -> Vec<Message<Command>> {
    omni.outgoing_messages()
}

/// One round of heartbeats, in which all answer.
pub fn hear_all(server: &mut Server) {
    hear(server, &[1, 2, 3]);
}

/// One round of heartbeats, in which these servers answer, who hear as many.
fn hear(server: &mut Server, heard: &[u64]) {
    for &from in heard.iter().filter(|&&from| from != server.pid) {
        let ballot = Ballot::with(1, 0, priority(from), from);
        let msg = HeartbeatMsg::Reply(HeartbeatReply { round: server.round, ballot, connectivity: 2 });
        server.omni.handle_incoming(Message::BLE(BLEMessage { from, to: server.pid, msg }));
    }
    server.omni.tick();
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
