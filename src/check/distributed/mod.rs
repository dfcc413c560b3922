//! A check that several processes share, on one machine or on many.
//!
//! Every process runs the same check with the same code. Of the states that there are each keeps and expands a share, by what they
//! consist of; what a state leads to is sent to the process in whose share it is, over TCP. A level of the search is over when no
//! more of its states can come, which [timely dataflow](https://github.com/TimelyDataflow/timely-dataflow) finds out. All
//! processes come to the same counts, the same depth and the same verdict as one alone, and the counterexample that is shown does not
//! depend on what came first.
//!
//! The guide says [how it is used](crate::guide::several_machines). The links are neither encrypted nor authenticated.

mod batch;
mod beats;
mod cluster;
mod counted;
mod dataflow;
mod dictionary;
mod ids;
mod key;
mod links;
mod peers;
mod quiet;
mod recent;
mod run;
mod shards;
mod share;
mod shared;
mod task;
mod told;
mod worker;

pub use links::LinkError;
pub use peers::{MOST_PROCESSES, Peers, PeersError};
pub(super) use run::{RanTogether, Together};
