//! The little that Byzantine replicas do where views go on without end: one kind of thing, the same in every view, or any of
//! these in each.
//!
//! All of it is signed by themselves and does not depend on what others have sent. So it is there from the start, and
//! what is sent in one view is what is sent n views later, but for the number.

/// What Byzantine replicas do where few of the runs are followed: a little of all that they may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduct {
    /// Nothing, ever.
    Silent,
    /// They ask for every view as if they had never heard of anything. The primary of view 0 also proposes the first
    /// request; otherwise they are silent.
    Stale,
    /// They ask for every view with a certificate that proves nothing.
    Unproved,
    /// They ask for the views that they lead, however far, and are silent in them.
    Far,
    /// As primary of view 0 they propose every request at every number, and vote for it in every view.
    Scattered,
    /// Whatever they do by any of the other conducts, one thing in one view and another in the next.
    Any,
}

impl Conduct {
    /// Those that are one thing in every view, the least first.
    pub(crate) const PLAIN: [Conduct; 5] =
        [Conduct::Silent, Conduct::Stale, Conduct::Unproved, Conduct::Far, Conduct::Scattered];

    /// Whether it is about views that others have not come to by far.
    pub(super) fn is_far(self) -> bool {
        matches!(self, Conduct::Far | Conduct::Any)
    }
}
