//! From a path on which it does not matter who has decided to a run in which somebody has.

use rustc_hash::FxHashSet;
use stateright::Model as _;

use super::{Reduced, Stop, Stretch};
use crate::model::guards::{GuardState, LocalId, Move, numbered};
use crate::model::property::Property;

/// One state on a path.
struct Station {
    state: GuardState,
    /// The steps to the next.
    stretch: Vec<Move>,
}

/// A decision that is possible somewhere on a path.
struct Chance {
    station: usize,
    replica: u16,
    route: Vec<Move>,
    local: LocalId,
}

impl Reduced {
    /// The steps of judge *guards* from the first state to one without this property, on this path; as far as the path goes if
    /// there is none.
    pub(in crate::model) fn run_along(&self, path: &[Stretch], property: Property) -> Option<Vec<Move>> {
        let stations = self.stations(path)?;
        let last = stations.last()?;
        let all = |upto: usize| {
            stations[..upto].iter().flat_map(|station| &station.stretch).copied().collect::<Vec<_>>()
        };
        let now = self.to_violation(&last.state, property);
        let mut whole = all(stations.len());
        whole.extend(&now);
        if !now.is_empty() || self.decisions.is_none() {
            return Some(whole);
        }
        let chances = self.chances(&stations);
        for (place, second) in chances.iter().enumerate() {
            for first in chances[..place].iter().filter(|first| first.replica != second.replica) {
                if !self.judge.violated_with([first.local, second.local]).contains(property) {
                    continue;
                }
                if let Some(steps) = self.run_with(&stations, first, second) {
                    return Some(steps);
                }
            }
        }
        Some(whole)
    }

    fn stations(&self, path: &[Stretch]) -> Option<Vec<Station>> {
        let mut stations = Vec::new();
        let mut state = self.judge.init_states().swap_remove(0);
        let mut path = path.iter();
        loop {
            let settled = self.settled(state);
            let stretch = path.next();
            let steps = stretch.map_or(&[][..], Stretch::steps);
            stations.push(Station { state: settled.clone(), stretch: steps.to_vec() });
            if stretch.is_none() {
                return Some(stations);
            }
            state = steps.iter().try_fold(settled, |state, &step| self.judge.next_state(&state, step))?;
        }
    }

    fn chances(&self, stations: &[Station]) -> Vec<Chance> {
        let mut chances = Vec::new();
        for (station, Station { state, .. }) in stations.iter().enumerate() {
            for (replica, reached) in (0..).zip(self.all_reached(state)) {
                // Who has decided when it sent something has decided on the path itself.
                let has = |(place, stop): &(usize, &Stop)| {
                    stop.decides || (*place == 0 && self.has_decided(stop.local))
                };
                let decided = reached.iter().enumerate().filter(has);
                chances.extend(decided.map(|(place, stop)| Chance {
                    station,
                    replica,
                    route: Self::route(replica, &reached, place).to_vec(),
                    local: stop.local,
                }));
            }
        }
        chances
    }

    /// The path up to the second decision, with both.
    fn run_with(&self, stations: &[Station], first: &Chance, second: &Chance) -> Option<Vec<Move>> {
        let mut own = Vec::new();
        self.live_on(stations, first, first.station, first.local, second.station, &mut own).then_some(())?;
        let mut own = own.into_iter();
        let mut steps = Vec::new();
        for (place, station) in stations[..=second.station].iter().enumerate() {
            if place == first.station {
                steps.extend(&first.route);
            }
            if place == second.station {
                steps.extend(&second.route);
                break;
            }
            let is_own = station.stretch.iter().any(|step| step.participant == first.replica);
            if place >= first.station && is_own {
                steps.extend(own.by_ref().map_while(|step| step));
            } else {
                steps.extend(&station.stretch);
            }
        }
        Some(steps)
    }

    /// Whether the replica that has decided can send, from a station on, what it sends on the path; adds to `own` its steps,
    /// with an end after each stretch.
    fn live_on(
        &self,
        stations: &[Station],
        who: &Chance,
        from: usize,
        local: LocalId,
        to: usize,
        own: &mut Vec<Option<Move>>,
    ) -> bool {
        let is_own = |station: &Station| station.stretch.iter().any(|step| step.participant == who.replica);
        let Some(place) = (from..to).find(|&place| is_own(&stations[place])) else { return true };
        let available = self.judge.available(&stations[place].state);
        let target = stations[place].stretch.iter().rfind(|step| step.participant == who.replica);
        let Some(target) = target.map(|step| step.next) else { return false };
        let before = self.judge.numbers(&stations[place].state).at(usize::from(who.replica));
        if self.judge.has_sent_the_same(before, target) {
            // It takes what it needs before it sends something.
            own.push(None);
            return self.live_on(stations, who, place + 1, local, to, own);
        }
        let mut looked_at = FxHashSet::default();
        let mut waiting = vec![(local, Vec::new())];
        while let Some((local, route)) = waiting.pop() {
            if !looked_at.insert(local) {
                continue;
            }
            for (number, guard) in numbered(&self.judge.guards(local)) {
                if guard.next == local || !guard.is_enabled(&available) {
                    continue;
                }
                let mut route = route.clone();
                route.push(Some(Move::new(who.replica, number, guard.next)));
                if !guard.sends {
                    waiting.push((guard.next, route));
                } else if self.judge.has_sent_the_same(guard.next, target) {
                    let before = own.len();
                    own.extend(route);
                    own.push(None);
                    if self.live_on(stations, who, place + 1, guard.next, to, own) {
                        return true;
                    }
                    own.truncate(before);
                }
            }
        }
        false
    }
}
