//! Runs that were looked at: one that goes on from such a one does not have to happen again from its start.

use std::sync::{Arc, Mutex, PoisonError};

use super::name::JOINT;
use super::opened::Opened;
use super::walk::{Unfit, Walk};

/// The most that are kept: of more, that which was not looked at for longest is forgotten.
const KEPT: usize = 48;
/// A run that is followed is kept after so many steps too, or, if it is long, in so many places, for who goes back.
const APART: usize = 16;

/// Those that are kept, that which was looked at last at the end.
#[derive(Default)]
pub(super) struct Runs(Mutex<Vec<Arc<Walk>>>);

impl Runs {
    /// The run that these names tell, as far as it can happen.
    pub fn along(&self, opened: &Arc<Opened>, steps: &str) -> (Arc<Walk>, Option<Unfit>) {
        let names: Vec<_> = steps.split(JOINT).filter(|name| !name.is_empty()).collect();
        let known = self.longest(opened, &names);
        if let Some(known) = known.as_ref().filter(|known| known.names.len() == names.len()) {
            return (Arc::clone(known), None);
        }
        let mut walk = known.map_or_else(|| Walk::new(opened), Arc::unwrap_or_clone);
        let apart = (names.len() / APART).max(APART);
        let mut unfit = None;
        for name in names.iter().skip(walk.names.len()) {
            let number = walk.names.len() + 1;
            if let Err(why) = walk.take(name) {
                unfit = Some(Unfit { step: number, name: (*name).to_owned(), why });
                break;
            }
            if number.is_multiple_of(apart) && number < names.len() {
                self.keep(Arc::new(walk.clone()));
            }
        }
        let walk = Arc::new(walk);
        self.keep(Arc::clone(&walk));
        (walk, unfit)
    }

    /// The longest of those that are kept with which a run begins.
    fn longest(&self, opened: &Arc<Opened>, names: &[&str]) -> Option<Arc<Walk>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = |walk: &Walk| {
            let same = names.iter().zip(&walk.names).take_while(|(one, other)| **one == other.as_str());
            Arc::ptr_eq(opened, &walk.opened) && same.count() == walk.names.len()
        };
        let all = kept.iter().enumerate().filter(|(_, walk)| begins(walk));
        let (place, _) = all.max_by_key(|(_, walk)| walk.names.len())?;
        let found = kept.remove(place);
        kept.push(Arc::clone(&found));
        Some(found)
    }

    fn keep(&self, walk: Arc<Walk>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| !Arc::ptr_eq(&known.opened, &walk.opened) || known.names != walk.names);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(walk);
    }
}
