//! What the releases 0.8 ask of whoever gives them a context and signatures, as other releases do not.

/// What only this release asks of a context.
macro_rules! timeouts {
    () => {
        type Timeouts = super::types::LinearTimeouts;
    };
}

/// What only this release asks of a scheme of signatures.
macro_rules! public_keys {
    () => {
        fn decode_public_key(_: &[u8]) -> Result<Self, String> {
            Ok(NoSignature)
        }

        fn encode_public_key(_: &Self) -> Vec<u8> {
            Vec::new()
        }
    };
}
