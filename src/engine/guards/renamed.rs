//! What is the same under other names: tables that are not miss something, or have too much.

use itertools::Itertools;

use super::GuardOptions;
use super::Guards;
use super::alphabet::Content;
use super::error::Unfit;
use super::placed::{Cast, Decisions, cast, locals};
use super::reduce::classes;
use super::symmetry::{Symmetry, lacking, symmetries, unlike};
use crate::protocol::{NodeId, Protocol};

/// # Errors
/// A renaming of the protocol changes the tables, or an exchange of two nodes that can say the same does.
pub(super) fn are_the_same(
    cast: &Cast,
    symmetries: &[Symmetry],
    renamings: &[Vec<Content>],
) -> Result<(), Unfit> {
    if let Some(lacking) = lacking(cast, symmetries, renamings) {
        return Err(Unfit::Renaming(lacking + 1));
    }
    match unlike(cast, symmetries) {
        Some((one, other)) => Err(Unfit::Exchange(one, other)),
        None => Ok(()),
    }
}

impl<P: Protocol> Guards<P> {
    /// With as many other nodes Byzantine: two nodes that are alike may not both be honest with these, and the tables
    /// of each node are the same in all placements.
    ///
    /// # Errors
    /// Those of [`are_the_same`].
    pub(super) fn are_the_same_elsewhere(
        &self,
        byzantine: &[NodeId],
        options: GuardOptions,
        renamings: &[Vec<Content>],
    ) -> Result<(), Unfit> {
        let all = self.finders.iter().map(|finder| finder.me);
        let others = all.combinations(byzantine.len()).filter(|other| other != byzantine);
        for other in others {
            // What cannot be placed cannot be compared.
            let Ok(cast) = cast(&self.finders, &other) else { continue };
            let honest = self.finders.iter().filter(|finder| cast.honest.contains(&finder.me));
            let mut decisions = Decisions::<P>::default();
            let locals: Vec<_> = honest.map(|finder| locals(&cast, finder, &mut decisions)).collect();
            let tables: Vec<_> = locals.iter().map(|locals| classes(locals, options.puts_off)).collect();
            are_the_same(&cast, &symmetries(&cast, &tables, decisions.len(), renamings), renamings)?;
        }
        Ok(())
    }
}
