//! What omnipaxos 0.2.0 and 0.2.1 want of their host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bft_check::protocol::{Effects, Layers, NodeId, Recover};
use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::ballot_leader_election::{BLEMessage, HeartbeatMsg, HeartbeatReply};
use omnipaxos::storage::{NoSnapshot, StopSign, Storage, StorageResult};
use omnipaxos::{ClusterConfig, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::adapter::{Command, Omni, Omnipaxos, Server, pid, round};

/// Of two ballots of one round that of the server with the lower number is higher.
fn priority(pid: u64) -> u32 {
    10 - pid as u32
}

/// Where a server keeps what it has promised and accepted: it outlives the server.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<MemoryStorage<Command>>>);

impl Disk {
    fn kept(&self) -> MutexGuard<'_, MemoryStorage<Command>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands every method over to what is kept.
macro_rules! kept {
    (
        reads { $(fn $read:ident($($asked:ident: $asked_type:ty),*) -> $got:ty;)* }
        writes { $(fn $write:ident($($given:ident: $given_type:ty),*) -> $back:ty;)* }
    ) => {
        impl Storage<Command> for Disk {
            $(fn $read(&self, $($asked: $asked_type),*) -> StorageResult<$got> {
                self.kept().$read($($asked),*)
            })*
            $(fn $write(&mut self, $($given: $given_type),*) -> StorageResult<$back> {
                self.kept().$write($($given),*)
            })*
        }
    };
}

kept! {
    reads {
        fn get_decided_idx() -> u64;
        fn get_accepted_round() -> Option<Ballot>;
        fn get_entries(from: u64, to: u64) -> Vec<Command>;
        fn get_log_len() -> u64;
        fn get_suffix(from: u64) -> Vec<Command>;
        fn get_promise() -> Option<Ballot>;
        fn get_stopsign() -> Option<StopSign>;
        fn get_compacted_idx() -> u64;
        fn get_snapshot() -> Option<NoSnapshot>;
    }
    writes {
        fn append_entry(entry: Command) -> u64;
        fn append_entries(entries: Vec<Command>) -> u64;
        fn append_on_prefix(from_idx: u64, entries: Vec<Command>) -> u64;
        fn set_promise(n_prom: Ballot) -> ();
        fn set_decided_idx(ld: u64) -> ();
        fn set_accepted_round(na: Ballot) -> ();
        fn set_stopsign(s: Option<StopSign>) -> ();
        fn trim(idx: u64) -> ();
        fn set_compacted_idx(idx: u64) -> ();
        fn set_snapshot(snapshot: Option<NoSnapshot>) -> ();
    }
}

/// Servers may crash, and come up again with their disk.
pub fn layers() -> Layers<Omnipaxos> {
    Layers::none().crashes()
}

impl Recover for Omnipaxos {
    type Disk = Disk;

    fn disk(&self, server: Server) -> Disk {
        server.disk
    }

    fn recover(&self, id: NodeId, disk: Disk, effects: &mut Effects<Self>) -> Server {
        let omni = build_on(disk.clone(), pid(id), vec![1, 2, 3]);
        let mut server = Server { pid: pid(id), omni, round: 0, disk };
        server.flush(effects);
        server
    }
}

/// What outlives a server.
pub type Kept = Disk;

/// A new server, and its disk.
pub fn build(pid: u64, nodes: Vec<u64>) -> (Omni, Disk) {
    let disk = Disk::default();
    (build_on(disk.clone(), pid, nodes), disk)
}

/// A server on a disk. A tick is a round of heartbeats; nothing is sent again, for nothing is lost but by a cut.
fn build_on(disk: Disk, pid: u64, nodes: Vec<u64>) -> Omni {
    let cluster_config = ClusterConfig { configuration_id: 1, nodes, ..ClusterConfig::default() };
    let server_config = ServerConfig {
        pid,
        election_tick_timeout: 1,
        resend_message_tick_timeout: u64::MAX,
        buffer_size: 16,
        leader_priority: priority(pid),
        ..ServerConfig::default()
    };
    OmniPaxosConfig { cluster_config, server_config }.build(disk).expect("the configuration is right")
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
