//! Which of the systems of a bound one is.

use super::workload::Workload;
use crate::model::conduct::Conduct;
use crate::pbft::View;

/// Which of the systems of a bound it is: what of the protocol is withheld in it for lack of time, and what its adversary
/// does.
///
/// Other differences go with each of these, and say nothing of which it is: whether clients take part, whether there are
/// checkpoints, and how often replicas crash. They follow from the sizes of the bound.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Explored as far as the bound goes: no timer fires in the last view.
    Bounded,
    /// Explored as far as the bound goes, and nobody moves to another view than this one, the last.
    OfLastView(View),
    /// Nothing is withheld that it could do: it is to come to something.
    Open(Deeds),
    /// A simulated run: nothing is withheld, and clients ask for more.
    Simulated(Workload),
}

/// What of all that Byzantine replicas may do they do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deeds {
    /// Everything.
    All,
    /// A little, which does not depend on what others have sent.
    Few(Conduct),
}
