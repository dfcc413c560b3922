//! What the releases 0.5 ask of whoever gives them a context and signatures, as other releases do not.

/// What only a later release asks of a context.
macro_rules! timeouts {
    () => {};
}

/// What only a later release asks of a scheme of signatures.
macro_rules! public_keys {
    () => {};
}
