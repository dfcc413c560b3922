//! Nothing: its `Cargo.toml` says what it is for.
