//! The steps of single nodes in what was found wrong.

use super::enact::{Act, route};
use super::error::Unfit;
use super::finder::Finder;
use super::masks;
use super::placed::{Cast, Decisions, Locals};
use super::product::Wrong;
use super::reduce;
use crate::protocol::Protocol;

/// What was found for one placement of the Byzantine nodes.
pub(super) struct Found<'a, P: Protocol> {
    pub cast: &'a Cast,
    pub finders: &'a [&'a Finder<P>],
    pub locals: &'a [Locals],
    pub decisions: &'a Decisions<P>,
}

impl<P: Protocol> Found<'_, P> {
    /// Two histories of one control state that are not alike, if there are.
    pub fn unlike(&self) -> Option<Unfit> {
        let unlike = self.finders.iter().find_map(|finder| finder.unlike.clone());
        unlike.map(|unlike| Unfit::Unlike(Box::new(unlike)))
    }

    /// What each node does on a path and, at its end, for what is wrong.
    pub fn acts(
        &self,
        tables: &[reduce::Classes],
        path: &[(usize, u32)],
        exists: u128,
        wrong: &Wrong,
    ) -> Option<Vec<Vec<Act<'_>>>> {
        let mut acts: Vec<Vec<Act<'_>>> = self.locals.iter().map(|_| Vec::new()).collect();
        let mut stands = vec![0usize; self.locals.len()];
        for (number, &(place, class)) in path.iter().enumerate() {
            let (locals, of) = (&self.locals[place], &tables[place].of);
            let exists = self.sent(&stands);
            let from = stands[place];
            let is_goal = |at: usize| {
                at != from && of[at] == Some(class) && locals.places[at].sent != locals.places[from].sent
            };
            let (steps, to) = route(locals, from, exists, &is_goal, &is_goal).or_else(|| {
                route(locals, from, exists, &|at| at != from && of[at] == Some(class), &|at| {
                    of[at] == Some(class)
                })
            })?;
            for (from, edge) in steps {
                acts[place].push(self.act(place, from, locals.all[from].edges[edge].way, exists, number)?);
            }
            stands[place] = to;
        }
        let last: &[(usize, Option<u16>)] = &match *wrong {
            Wrong::Torn([(one, this), (other, that)]) => vec![(one, Some(this)), (other, Some(that))],
            Wrong::Invalid(place, decision) => vec![(place, Some(decision))],
            Wrong::Panics(place) => vec![(place, None)],
        };
        for &(place, decision) in last {
            let locals = &self.locals[place];
            let way = |at: usize| self.ending(place, at, decision, exists);
            let has = |at: usize| locals.places[at].decided.iter().any(|known| Some(*known) == decision);
            let (steps, to) =
                route(locals, stands[place], exists, &|at| way(at).is_some() || has(at), &|_| false)?;
            for (from, edge) in steps {
                acts[place].push(self.act(
                    place,
                    from,
                    locals.all[from].edges[edge].way,
                    exists,
                    path.len(),
                )?);
            }
            if let Some(way) = way(to) {
                acts[place].push(self.act(place, to, way, exists, path.len())?);
            }
        }
        Some(acts)
    }

    fn sent(&self, stands: &[usize]) -> u128 {
        let sent = stands.iter().zip(self.locals).map(|(stand, locals)| locals.places[*stand].sent);
        sent.fold(0, |all, sent| all | sent)
    }

    /// The way by which a node decides that, or panics.
    fn ending(&self, place: usize, at: usize, decision: Option<u16>, exists: u128) -> Option<usize> {
        let local = &self.locals[place].all[at];
        let is_met = |any: &[u128]| masks::is_met(any, exists);
        match decision {
            Some(decision) => {
                let mut all = local.decides.iter();
                all.find(|(other, any, _)| *other == decision && is_met(any)).map(|(_, _, way)| *way)
            }
            None => local.panics.iter().find(|(_, any)| is_met(any)).map(|(way, _)| *way),
        }
    }

    fn act(&self, place: usize, at: usize, way: usize, exists: u128, number: usize) -> Option<Act<'_>> {
        let control = self.locals[place].places[at].control;
        let (outcome, recipes) = self.finders[place].controls[control as usize].ways.get_index(way)?;
        Some(Act { outcome, recipes, exists, number })
    }
}
