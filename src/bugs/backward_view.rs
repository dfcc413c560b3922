//! A replica goes back to an earlier view on a NEW-VIEW that it has missed.
//!
//! What it votes for there overwrites what has prepared since, and what its VIEW-CHANGEs have said.
//! Seen in: raijin#18, sawtooth-pbft#113.

use crate::pbft::{Rules, Standing, View};

/// A replica goes back to an earlier view.
#[derive(Clone, Copy, Debug)]
pub struct BackwardView;

impl Rules for BackwardView {
    fn advances(&self, standing: Standing, view: View) -> bool {
        view != standing.view || !standing.active
    }
}
