//! What the front door takes.

use std::fmt::Debug;

/// Something that can be checked: PBFT under rules, or a protocol of one's own.
pub trait Subject: Sized {
    /// What is asked of it beyond the limits of every check.
    type Asked: Clone + Debug + Default;
    /// How it is said who is Byzantine.
    type Byzantine;
    /// How one property is named.
    type Question;

    /// Takes in who is Byzantine.
    fn place(asked: &mut Self::Asked, who: Self::Byzantine);

    /// Takes in which property is asked about.
    fn ask(asked: &mut Self::Asked, question: Self::Question);
}

/// Whatever stands for a subject.
pub trait IntoSubject {
    /// The subject.
    type Subject: Subject;

    /// The subject itself.
    fn into_subject(self) -> Self::Subject;
}

/// No subject at all.
#[cfg(not(feature = "pbft"))]
#[derive(Debug)]
pub enum Nothing {}

#[cfg(not(feature = "pbft"))]
impl Subject for Nothing {
    type Asked = ();
    type Byzantine = std::convert::Infallible;
    type Question = std::convert::Infallible;

    fn place((): &mut (), who: std::convert::Infallible) {
        match who {}
    }

    fn ask((): &mut (), question: std::convert::Infallible) {
        match question {}
    }
}
