//! Simulation: the same replicas and clients past what can be explored exhaustively.
//!
//! A run is drawn from a seed and is the same, bit for bit, on every machine: numbers come from a fixed
//! algorithm (ChaCha8), nothing is iterated in hash order, and time is virtual and counted in whole ticks. Until
//! a time that is drawn too, the network delays, reorders, loses, duplicates and parts; replicas crash and recover
//! from what they recorded; timers run at different speeds; and Byzantine replicas follow a
//! [strategy](StrategyKind). From then on the network is stable, and the run has to come to something.
//!
//! What is wrong with a run is for the properties of [`model`](crate::model) to say. A run is a sequence of the
//! same events as a judge's, so that one that violates a property is a [`Trace`](crate::trace::Trace) like any
//! other. Nothing is ever said to hold because simulated runs did not violate it.

mod builder;
mod campaign;
mod case;
mod drawn;
mod honest_nodes;
mod knowledge;
mod matrix;
mod merge;
mod network;
mod outcome;
pub mod protocol;
mod reduce;
mod report;
mod rng;
mod run;
mod scheduler;
mod settings;
mod strategy;
mod strategy_kind;
mod timing;
mod violating_run;

pub use builder::{Simulated, Simulation, SimulationError};
pub use campaign::{Campaign, Finding, Limits, Progress, Report, campaign};
pub use case::{Case, any_case, run_case};
pub use matrix::{Cell, MatrixRow, Method, Try, matrix_row};
pub use merge::{MergeError, merge};
pub use network::NetworkFaults;
pub use outcome::{Counts, End, Outcome};
pub use reduce::{Reduced, reduced};
pub use run::run;
pub use scheduler::SchedulerKind;
pub use settings::{Settings, SettingsError};
pub use strategy_kind::StrategyKind;
