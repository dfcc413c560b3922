//! Rulebooks that tests write.

/// A rulebook of this name with rules of its own, and the paper's for all others.
macro_rules! rulebook {
    ($name:ident: $($rules:tt)*) => {
        #[derive(Debug)]
        pub(crate) struct $name;

        impl bft_check::pbft::Rules for $name {
            $($rules)*
        }
    };
}
