//! Whether a rulebook treats all views alike that are far above those of a bound.
//!
//! A Byzantine replica may ask for any view. Of those beyond the bound one is offered, which stands for all
//! ([`System::far_view`]). That is right if it makes no difference to any rule which of them it is: to whoever decides
//! whether to join, and in which view; to whoever asks which views a view change justifies; and to the check of
//! a view change. Each is asked, with every list of views that it can be given, what it says of the one view and of
//! others in its place, among them each primary's and the highest that there is.

use itertools::Itertools as _;

use super::system::System;
use crate::pbft::{StableCheckpoint, View, ViewChange};

/// The most lists of views that are tried.
const MOST: usize = 1 << 20;

impl System {
    /// Whether no rule tells the far views apart.
    pub(super) fn far_views_are_alike(&self) -> bool {
        let Some(far) = self.far_view() else { return true };
        let n = u64::from(self.setting().committee.n());
        let others: Vec<_> = (1..=n).map(|more| View(far.0 + more)).chain([View(u64::MAX)]).collect();
        self.joins_alike(far, &others) && self.justifies_alike(far, &others)
    }

    /// Lists of the views of other replicas' view changes, of which no more are far than Byzantine replicas ask for.
    fn joins_alike(&self, far: View, others: &[View]) -> bool {
        let (rules, committee) = (self.rules().itself(), self.setting().committee);
        let byzantine = self.byzantine().len();
        let views: Vec<_> = (1..=far.0).map(View).collect();
        let mut tried = 0;
        for length in 1..usize::from(committee.n()) {
            for list in (0..length).map(|_| views.iter().copied()).multi_cartesian_product() {
                let places: Vec<_> = (0..length).filter(|&place| list[place] == far).collect();
                if places.is_empty() || places.len() > byzantine {
                    continue;
                }
                let joined = rules.join(committee, &list);
                for instead in places.iter().map(|_| others.iter().copied()).multi_cartesian_product() {
                    tried += 1;
                    if tried > MOST {
                        return false;
                    }
                    let mut list = list.clone();
                    places.iter().zip(instead).for_each(|(&place, view)| list[place] = view);
                    let near = |view: Option<View>| view.map(|view| view.min(far));
                    if near(rules.join(committee, &list)) != near(joined) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// What a view change for a far view justifies among the views of the bound, whether it is valid, and what a new view
    /// on it would propose.
    fn justifies_alike(&self, far: View, others: &[View]) -> bool {
        let (rules, setting) = (self.rules().itself(), self.setting());
        let change = |new_view| {
            let stable = StableCheckpoint::genesis().claim().clone();
            ViewChange { new_view, stable, prepared: Vec::new() }
        };
        let said = |view: View| {
            let change = change(view);
            let justified: Vec<_> = (0..far.0).filter(|&near| rules.justifies(&change, View(near))).collect();
            let list = [&change];
            let begins = (rules.new_view_start(&list), rules.new_view_batches(&list));
            (justified, rules.check_view_change(setting, &change), begins)
        };
        others.iter().all(|&other| said(other) == said(far))
    }
}
