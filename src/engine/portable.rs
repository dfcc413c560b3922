//! Judges whose states can be told to a process that numbers everything otherwise.

use super::fingerprint::Fingerprint;
use super::record::Recorded;

/// A judge whose states are lists of numbers of things, such as local states and networks, each kind of which has a table of its
/// own. A number means something only to the process that gave it; what a thing is, its content, means the same everywhere, and two
/// things of a table have the same content if and only if they are equal.
pub(crate) trait Portable: Recorded {
    /// What it helps to have at hand when contents are asked for again and again.
    type Known: Default + Send;

    /// How many tables there are.
    const TABLES: usize;

    /// The table from which the number at that place of a state is.
    fn table(&self, place: usize) -> usize;

    /// The state of these numbers, which are of what was met.
    fn state(numbers: &[u32]) -> Self::State;

    /// What stands for the content of a thing that was met.
    fn content(&self, table: usize, number: u32, known: &mut Self::Known) -> Fingerprint;

    /// Meets what it can before a search begins, in every process the same; each step is `told`.
    fn warm_up(&self, told: &dyn Fn()) {
        let _ = told;
    }

    /// Why no verdict of it counts, if none does.
    fn refusal(&self) -> Option<String> {
        None
    }
}
