//! A NEW-VIEW is not checked.
//!
//! Its primary needs no view changes, and can propose anything.
//! Seen in: raijin#7.

use crate::pbft::{NewView, Refusal, Rules, Setting};

/// A NEW-VIEW is not checked.
#[derive(Clone, Copy, Debug)]
pub struct UncheckedNewView;

impl Rules for UncheckedNewView {
    fn check_new_view(&self, _setting: &Setting, _new_view: &NewView) -> Result<(), Refusal> {
        Ok(())
    }
}
