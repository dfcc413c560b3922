//! The arguments that say what can go wrong.

use clap::{Args, ValueEnum};

use crate::check::protocol::ByzantineNodes;
use crate::cli::UsageError;
use crate::protocol::{Network, Protocol};

/// What becomes of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum NetworkName {
    /// They arrive at any time, in any order, or never.
    AnyOrder,
    /// They arrive in the order of sending, link by link.
    Fifo,
}

#[derive(Debug, Args)]
pub(super) struct BoundArguments {
    /// Which nodes are Byzantine: a count, for every placement, or a list as in n0,n2 [default: none; fewer than a third
    /// of a protocol that says what they can say]
    #[arg(long, value_name = "COUNT|IDS")]
    pub byzantine: Option<ByzantineNodes>,
    /// How many crashes there may be, all honest nodes together; up to 255 [default: none]
    #[arg(long, value_name = "N")]
    pub crashes: Option<u8>,
    /// What becomes of messages [default: what the protocol says]
    #[arg(long, value_enum)]
    network: Option<NetworkName>,
    /// How many links may be cut at any time, on a FIFO network; up to 4,294,967,295 [default: what the protocol says]
    #[arg(long, value_name = "N")]
    cuts: Option<u32>,
    /// How many messages may be lost, on a FIFO network; up to 4,294,967,295 [default: what the protocol says]
    #[arg(long, value_name = "N")]
    losses: Option<u32>,
}

impl BoundArguments {
    /// The network, if it is not to be the protocol's.
    pub(super) fn network<P: Protocol>(&self, protocol: &P) -> Result<Option<Network>, UsageError> {
        if self.network.is_none() && self.cuts.is_none() && self.losses.is_none() {
            return Ok(None);
        }
        let base = match self.network {
            Some(NetworkName::AnyOrder) => Network::AnyOrder,
            Some(NetworkName::Fifo) => Network::FIFO,
            None => protocol.network(),
        };
        match base {
            Network::AnyOrder if self.cuts.is_some() || self.losses.is_some() => Err(UsageError(
                "--cuts and --losses are for FIFO links: where messages arrive in any order, or never, none has to be cut or \
                 lost; add --network fifo"
                    .to_owned(),
            )),
            Network::AnyOrder => Ok(Some(Network::AnyOrder)),
            Network::Fifo { cuts, losses } => Ok(Some(Network::Fifo {
                cuts: self.cuts.unwrap_or(cuts),
                losses: self.losses.unwrap_or(losses),
            })),
        }
    }

    /// Whether anything was said.
    pub(super) fn is_given(&self) -> bool {
        self.byzantine.is_some()
            || self.crashes.is_some()
            || self.network.is_some()
            || self.cuts.is_some()
            || self.losses.is_some()
    }
}
