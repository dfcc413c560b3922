//! Who is Byzantine: given, or every placement of so many.

use std::collections::BTreeSet;

use itertools::Itertools as _;

use crate::model::panics::guarded;
use crate::pbft::{Committee, ReplicaId, Rules, View};

/// Which replicas are Byzantine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Byzantine {
    /// Every placement of this many, up to symmetry.
    Count(u16),
    /// These.
    Ids(Vec<ReplicaId>),
}

impl std::str::FromStr for Byzantine {
    type Err = String;

    /// Reads a count (`1`) or replicas (`r0`, `r0,r3`; a list of plain numbers is one of replicas).
    fn from_str(text: &str) -> Result<Self, String> {
        let error = || {
            format!(
                "'{text}' is neither a count of Byzantine replicas (as in 1) nor a list of them (as in r0,r2)"
            )
        };
        let names_ids = text.contains(',') || text.contains('r');
        if !names_ids {
            return text.trim().parse().map(Byzantine::Count).map_err(|_| error());
        }
        let ids: Result<Vec<ReplicaId>, _> = text
            .split(',')
            .map(str::trim)
            .map(|part| part.strip_prefix('r').unwrap_or(part).parse().map(ReplicaId))
            .collect();
        let ids = ids.map_err(|_| error())?;
        match ids.iter().duplicates().next() {
            Some(twice) => Err(format!("'{text}' names {twice} twice")),
            None => Ok(Byzantine::Ids(ids.into_iter().sorted().collect())),
        }
    }
}

/// The placements to run: every set of that many Byzantine replicas, up to symmetry. Replicas that are
/// primary in no explored view are interchangeable: their numbers are used nowhere else. Where the rulebook panics when
/// it is asked who is primary, none are.
pub fn placements(
    byzantine: &Byzantine,
    committee: Committee,
    views: u64,
    rules: &dyn Rules,
) -> Vec<Vec<ReplicaId>> {
    let count = match byzantine {
        Byzantine::Ids(ids) => return vec![ids.clone()],
        Byzantine::Count(count) => usize::from(*count),
    };
    let primaries = guarded(|| (0..views).map(|v| rules.primary(committee, View(v))).collect());
    let primaries: BTreeSet<_> = primaries.unwrap_or_else(|_| committee.replicas().collect());
    let (leaders, others): (Vec<_>, Vec<_>) = committee.replicas().partition(|id| primaries.contains(id));
    // Some of the leaders; the rest from the others, who are as good as each other.
    (0..=count.min(leaders.len()))
        .rev()
        .filter(|&led| count - led <= others.len())
        .flat_map(|led| {
            let rest = &others[..count - led];
            leaders
                .iter()
                .copied()
                .combinations(led)
                .map(move |ids| ids.into_iter().chain(rest.to_vec()).sorted().collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbft::Castro99;

    fn ids(placements: &[Vec<ReplicaId>]) -> Vec<Vec<u16>> {
        placements.iter().map(|ids| ids.iter().map(|id| id.0).collect()).collect()
    }

    #[test]
    fn placements_differ_in_the_primaries_that_they_hold() {
        let place = |count, n, views| {
            let committee = Committee::new(n, (n - 1) / 3).expect("a sound committee");
            ids(&placements(&Byzantine::Count(count), committee, views, &Castro99))
        };
        assert_eq!(place(1, 4, 2), [vec![0], vec![1], vec![2]]);
        assert_eq!(place(1, 4, 4), [vec![0], vec![1], vec![2], vec![3]]);
        assert_eq!(place(2, 7, 2), [vec![0, 1], vec![0, 2], vec![1, 2], vec![2, 3]]);
        assert_eq!(place(0, 4, 2), [Vec::<u16>::new()]);
        assert_eq!(place(10, 32, 1).len(), 2);
    }

    #[test]
    fn byzantine_replicas_are_a_count_or_a_list() {
        let ids = |ids: &[u16]| Ok(Byzantine::Ids(ids.iter().copied().map(ReplicaId).collect()));
        assert_eq!("2".parse(), Ok(Byzantine::Count(2)));
        assert_eq!("r2".parse(), ids(&[2]));
        assert_eq!("3, r1".parse(), ids(&[1, 3]));
        for wrong in ["two", "r0,,r1", "r0,", ",", "rr1", "", "3, r1,1"] {
            assert!(wrong.parse::<Byzantine>().is_err(), "{wrong}");
        }
    }
}
