//! Which processes share a check, and where they are.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::check::limits::Process;

/// The most processes that share a check.
pub const MOST_PROCESSES: usize = 256;
/// The port of process 0 where no file says where processes are; each further process has the next one.
const FIRST_PORT: u16 = 2101;
/// How long nothing may be heard of a process, unless it is said.
const PATIENCE: Duration = Duration::from_secs(15);

/// The processes that share a check: how many, where each listens, and which of them this one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peers {
    pub(super) own: Process,
    pub(super) addresses: Vec<String>,
    pub(super) patience: Duration,
    pub(super) shards: Option<PathBuf>,
}

/// Why processes cannot share a check.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeersError {
    /// The file that says where they are cannot be read.
    #[error("--hosts {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// It says too little.
    #[error("--hosts {path}: it has {1} lines, and there are {2} processes: one line for each, HOST:PORT", path = .0.display())]
    TooFew(PathBuf, usize, usize),
    /// A line of it says no place.
    #[error("'{0}' is no place where a process can listen: give HOST:PORT, as in 10.0.0.7:2101")]
    NoPlace(String),
    /// No process, or too many.
    #[error("--processes {0}: from 1 to {MOST_PROCESSES}")]
    Number(usize),
    /// There is no such process.
    #[error("--process {0}: the processes are numbered from 0, and there are {1}")]
    NoSuchProcess(usize, usize),
}

impl Peers {
    /// So many processes, of which this one has that number, each at a port of this machine.
    ///
    /// # Errors
    /// There are none, or too many, or this is none of them.
    pub fn here(processes: usize, own: usize) -> Result<Self, PeersError> {
        if !(1..=MOST_PROCESSES).contains(&processes) {
            return Err(PeersError::Number(processes));
        }
        if own >= processes {
            return Err(PeersError::NoSuchProcess(own, processes));
        }
        let addresses = (FIRST_PORT..).take(processes).map(|port| format!("127.0.0.1:{port}")).collect();
        Ok(Peers { own: Process(own as u32), addresses, patience: PATIENCE, shards: None })
    }

    /// Puts the processes at the places of which this file has a line each, `HOST:PORT`, in the order of their numbers.
    ///
    /// # Errors
    /// The file cannot be read, or does not say where each is.
    pub fn listed(self, path: &Path) -> Result<Self, PeersError> {
        let text = fs::read_to_string(path).map_err(|why| PeersError::Unreadable(path.to_owned(), why))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (lines, processes): (Vec<_>, _) = (lines.collect(), self.addresses.len());
        if lines.len() < processes {
            return Err(PeersError::TooFew(path.to_owned(), lines.len(), processes));
        }
        self.at(lines.into_iter().take(processes).map(str::to_owned).collect())
    }

    /// Puts the processes at these places, in the order of their numbers.
    ///
    /// # Errors
    /// One of them is none.
    pub fn at(self, addresses: Vec<String>) -> Result<Self, PeersError> {
        let is_place = |address: &String| {
            let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        };
        match addresses.iter().find(|address| !is_place(address)) {
            Some(wrong) => Err(PeersError::NoPlace(wrong.clone())),
            None => Ok(Peers { addresses, ..self }),
        }
    }

    /// Gives a process up of which nothing is heard for so long.
    pub fn patience(self, patience: Duration) -> Self {
        Peers { patience, ..self }
    }

    /// Keeps this process's share of the states in a folder, after each level; if there are shares of the same check already, it goes
    /// on from the last level that all processes have written.
    pub fn shards(self, folder: &Path) -> Self {
        Peers { shards: Some(folder.to_owned()), ..self }
    }

    /// The number of this one.
    pub fn own(&self) -> Process {
        self.own
    }

    /// How many they are.
    pub fn processes(&self) -> usize {
        self.addresses.len()
    }

    /// The places that others than this machine can reach, or that cannot be found out.
    pub fn reachable(&self) -> impl Iterator<Item = &str> {
        let is_here = |address: &str| {
            let mut found = address.to_socket_addrs().into_iter().flatten().peekable();
            found.peek().is_some() && found.all(|place: SocketAddr| place.ip().is_loopback())
        };
        self.addresses.iter().map(String::as_str).filter(move |address| !is_here(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_hosts_has_a_line_for_each_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        let listed = |text: &str| {
            fs::write(&file, text).unwrap();
            Peers::here(2, 1).unwrap().listed(&file)
        };
        let peers = listed("# mine\n127.0.0.1:7001\n\n 10.1.2.3:7002 \n10.1.2.4:7003\n").unwrap();
        assert_eq!(peers.addresses, ["127.0.0.1:7001", "10.1.2.3:7002"]);
        assert_eq!(peers.reachable().collect::<Vec<_>>(), ["10.1.2.3:7002"]);
        assert!(matches!(listed("127.0.0.1:7001"), Err(PeersError::TooFew(_, 1, 2))));
        for wrong in ["127.0.0.1", ":7001", "a:b", "a:70000", "a:0"] {
            assert!(matches!(listed(&format!("b:1\n{wrong}")), Err(PeersError::NoPlace(_))), "{wrong}");
        }
    }

    #[test]
    fn processes_are_numbered_from_zero_and_here_unless_it_is_said() {
        assert_eq!(Peers::here(3, 2).unwrap().reachable().count(), 0);
        assert!(matches!(Peers::here(0, 0), Err(PeersError::Number(0))));
        assert!(matches!(Peers::here(257, 0), Err(PeersError::Number(257))));
        assert!(matches!(Peers::here(2, 2), Err(PeersError::NoSuchProcess(2, 2))));
    }
}
