//! What the page knows of a protocol: the answers to what it asks, and nothing else.

use serde_json::Value;

use super::query::Query;
use super::server::Response;

/// An answer, or a sentence that says what is wrong with the question.
pub(super) type Answer = Result<Value, String>;

/// A protocol on the page. The addresses are described in `API.md`, beside this file.
pub(super) trait Stage: Send + Sync {
    /// The subjects that there are.
    fn gallery(&self) -> Value;
    /// What one of them is, in a bound.
    fn session(&self, query: &Query) -> Answer;
    /// A counterexample, searched for if need be.
    fn story(&self, query: &Query) -> Answer;
    /// A run, and its last state.
    fn state(&self, query: &Query) -> Answer;
    /// A run, after the network was let run.
    fn run(&self, query: &Query) -> Answer;
    /// Why something is violated.
    fn explain(&self, query: &Query) -> Answer;
    /// Whether something can still be violated.
    fn referee(&self, query: &Query) -> Answer;
    /// How far a search is that somebody waits for, and its end if that is wanted.
    fn search(&self, query: &Query) -> Answer;
    /// The trace that was handed in.
    fn trace(&self) -> Value;
    /// Takes a part of a trace that is handed in.
    fn hand(&self, query: &Query) -> Answer;
    /// Where stateright's explorer shows a run.
    fn stateright(&self, query: &Query) -> Answer;
    /// What stands at an address behind `/stateright/`.
    fn passed_on(&self, path: &str) -> Response;
    /// A run as one file, and the name of that.
    fn export(&self, query: &Query) -> Result<(String, String), String>;
}
