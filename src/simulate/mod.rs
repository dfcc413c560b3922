//! Simulation: the same replicas and clients past what can be explored exhaustively.
//!
//! A run is drawn from a seed and is the same, bit for bit, on every machine: numbers come from a fixed
//! algorithm (ChaCha8), nothing is iterated in hash order, and time is virtual and counted in whole ticks. Until
//! a time that is drawn too, the network delays, reorders, loses, duplicates and parts; replicas crash and recover
//! from what they recorded; timers run at different speeds; and Byzantine replicas follow a
//! strategy. From then on the network is stable, and the run has to come to something.
//!
//! What is wrong with a run is for the properties of `model` to say. A run is a sequence of the
//! same events as a judge's, so that one that violates a property is a `Trace` like any
//! other. Nothing is ever said to hold because simulated runs did not violate it.

#[cfg(feature = "pbft")]
mod builder;
#[cfg(feature = "pbft")]
mod campaign;
#[cfg(feature = "pbft")]
mod case;
#[cfg(feature = "pbft")]
mod drawn;
#[cfg(feature = "pbft")]
mod honest_nodes;
#[cfg(feature = "pbft")]
mod knowledge;
#[cfg(feature = "pbft")]
mod matrix;
#[cfg(feature = "pbft")]
mod merge;
#[cfg(feature = "pbft")]
mod network;
#[cfg(feature = "pbft")]
mod outcome;
pub mod protocol;
#[cfg(feature = "pbft")]
mod reduce;
#[cfg(feature = "pbft")]
mod report;
mod rng;
#[cfg(feature = "pbft")]
mod run;
#[cfg(feature = "pbft")]
mod scheduler;
#[cfg(feature = "pbft")]
mod settings;
#[cfg(feature = "pbft")]
mod strategy;
#[cfg(feature = "pbft")]
mod strategy_kind;
#[cfg(feature = "pbft")]
mod timing;
#[cfg(feature = "pbft")]
mod violating_run;

#[cfg(feature = "pbft")]
pub use builder::{Simulated, Simulation, SimulationError};
#[cfg(feature = "pbft")]
pub use campaign::{Campaign, Finding, Limits, Progress, Report, campaign};
#[cfg(feature = "pbft")]
pub use case::{Case, any_case, run_case};
#[cfg(feature = "pbft")]
pub use matrix::{Cell, MatrixRow, Method, Try, matrix_row};
#[cfg(feature = "pbft")]
pub use merge::{MergeError, merge};
#[cfg(feature = "pbft")]
pub use network::NetworkFaults;
#[cfg(feature = "pbft")]
pub use outcome::{Counts, End, Outcome};
#[cfg(feature = "pbft")]
pub use reduce::{Reduced, reduced};
#[cfg(feature = "pbft")]
pub use run::run;
#[cfg(feature = "pbft")]
pub use scheduler::SchedulerKind;
#[cfg(feature = "pbft")]
pub use settings::{Settings, SettingsError};
#[cfg(feature = "pbft")]
pub use strategy_kind::StrategyKind;
