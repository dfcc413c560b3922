//! The unbounded proof: an abstract PBFT, what has to be proved of it, and the provers that do.
//!
//! The model and the properties are text files under `proofs/`, read here; `proofs/README.md` says what
//! is proved and under which assumptions. From one [`Model`] come the questions to the provers
//! ([`Obligation`]), in SMT-LIB and in TPTP, and the [`Structure`]s in which the same formulas are
//! evaluated on given states and steps.

mod arithmetic;
mod coq;
mod formula;
mod model;
mod mutant;
mod obligation;
mod parse;
mod prover;
mod sexp;
mod smtlib;
mod structure;
mod tie;
mod tptp;

pub use arithmetic::{Arithmetic, IntegerLemma};
pub use formula::{Formula, FunctionId, RelationId, SortId, Term, Var};
pub(crate) use model::Change;
pub use model::{Action, Effect, Model, ModelError, Relation, Run, RunStep, Statement};
pub use mutant::Mutant;
pub use obligation::{Answer, Obligation};
pub use prover::{Prover, Verdict};
pub use structure::{Mismatch, Structure};
pub use tie::{Break, Fault, Tie, TieError, TieReport, Tied};

/// The model of PBFT under `proofs/`, with its lemmas and runs.
///
/// # Errors
/// A mistake in those files; the tests read them.
pub fn pbft() -> Result<Model, ModelError> {
    Model::parse(&[
        include_str!("../../proofs/pbft.sexp"),
        include_str!("../../proofs/liveness.sexp"),
        include_str!("../../proofs/runs.sexp"),
    ])
}

/// The quorum arithmetic under `proofs/`.
///
/// # Errors
/// A mistake in that file; the tests read it.
pub fn quorums() -> Result<Arithmetic, ModelError> {
    Arithmetic::parse(include_str!("../../proofs/quorums.sexp"))
}
