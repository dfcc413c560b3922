//! What tells nodes, and messages, apart.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A view of a node on which its whole future depends, as text.
///
/// ```
/// use bft_check::protocol::Key;
///
/// let (votes, round) = (vec![1, 3], 2);
/// assert_eq!(Key::debug(&(&votes, round)), Key::text("([1, 3], 2)"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The key that says all that `Debug` says of something. Beware of fields that `Debug` leaves out, and of hash maps,
    /// whose order is another each time.
    pub fn debug(view: &impl Debug) -> Self {
        Key(format!("{view:?}").into())
    }

    /// A key of one's own making.
    pub fn text(view: impl Into<Arc<str>>) -> Self {
        Key(view.into())
    }

    /// What it says.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that is told apart by its `Debug`, because it has no `Eq` or `Hash`: the messages of a published crate.
/// What `Debug` does not show is not told apart.
///
/// ```
/// use bft_check::protocol::ByDebug;
///
/// #[derive(Clone, Debug)]
/// struct Foreign(f32);
///
/// assert_eq!(ByDebug(Foreign(1.5)), ByDebug(Foreign(1.5)));
/// assert_ne!(ByDebug(Foreign(1.5)), ByDebug(Foreign(2.5)));
/// ```
#[derive(Clone)]
pub struct ByDebug<T>(pub T);

impl<T: Debug> PartialEq for ByDebug<T> {
    fn eq(&self, other: &Self) -> bool {
        format!("{:?}", self.0) == format!("{:?}", other.0)
    }
}

impl<T: Debug> Eq for ByDebug<T> {}

impl<T: Debug> Hash for ByDebug<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}", self.0).hash(state);
    }
}

impl<T: Debug> fmt::Debug for ByDebug<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
