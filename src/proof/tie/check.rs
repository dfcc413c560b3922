//! Holding a step of the replicas against the model.

use std::sync::Arc;

use super::super::{Change, Formula, Mismatch, Model, Structure};
use super::Fault;
use super::facts::Facts;
use super::plan::Planned;
use super::vocabulary::Vocabulary;

impl Vocabulary {
    /// The structure in which this holds of the honest replicas, with the history that it implies: what an
    /// honest replica voted for was accepted, what it committed had prepared, what it knows was decided; and
    /// every quorum of COMMITs for what was decided may have decided it.
    pub fn structure<'a>(&self, model: &Model, honest: impl Iterator<Item = &'a Facts>) -> Structure {
        let relations = &self.relations;
        let mut structure = self.base.clone();
        for (relation, tuple) in honest.flatten() {
            structure.set(*relation, tuple, true);
            if *relation == relations.pp {
                structure.set(relations.acc, tuple, true);
            } else if *relation == relations.prep {
                structure.set(relations.acc, &tuple[1..], true);
            } else if *relation == relations.com {
                structure.set(relations.prepd, &tuple[1..], true);
            } else if *relation == relations.known {
                structure.set(relations.kn, &tuple[1..], true);
            }
        }
        let mut chosen = structure.clone();
        structure.each_tuple(&model.relations[relations.chosen.0].sorts, |tuple| {
            let &[s, v, x, quorum] = tuple else { return true };
            // What is known is looked up first: that is one place, and mostly not so.
            let is_chosen = structure.holds(relations.kn, &[s, x])
                && self.members(quorum).all(|m| structure.holds(relations.com, &[m, s, v, x]));
            if is_chosen {
                chosen.set(relations.chosen, tuple, true);
            }
            true
        });
        chosen
    }

    /// An action with its elements, in words.
    fn action(&self, model: &Model, action: usize, args: &[Option<usize>]) -> String {
        let action = &model.actions[action];
        let words = action
            .params
            .iter()
            .zip(args)
            .map(|(param, arg)| arg.map_or("_", |element| &*self.names[param.sort.0][element]));
        format!("{} {}", action.name, words.collect::<Vec<_>>().join(" "))
    }

    /// Takes the planned actions one by one from `before`, and holds each against its guard and its effects;
    /// the end has to be `after`. Of the quorums that decided, which are history, the end may know fewer.
    ///
    /// The actions that were taken.
    pub fn walk(
        &self,
        model: &Model,
        before: &Structure,
        plan: &[Planned],
        after: &Structure,
    ) -> Result<Vec<usize>, Fault> {
        let mut state = before.clone();
        let mut taken = Vec::new();
        for step in plan {
            if step.unless.as_ref().is_some_and(|(relation, tuple)| state.holds(*relation, tuple)) {
                continue;
            }
            let args = self.complete(model, &state, step)?;
            state = self.take(model, &state, step, &args)?;
            taken.push(step.action);
        }
        for (relation, tuple, holds) in state.differences(after) {
            if relation == self.relations.chosen && holds {
                continue;
            }
            let name = &model.relations[relation.0];
            let fact = format!("{} {}", name.name, self.tuple(&name.sorts, &tuple));
            return Err(Fault::Unexplained { fact, holds });
        }
        Ok(taken)
    }

    /// The elements of an action, with a quorum for which its guard holds if it takes one.
    fn complete(&self, model: &Model, state: &Structure, step: &Planned) -> Result<Vec<usize>, Fault> {
        let choices = self.choices(model, step);
        let guard = &model.actions[step.action].guard;
        let holds = |args: &&Vec<usize>| model.evaluate(state, guard, &model.action_args(step.action, args));
        if let Some(args) = choices.iter().find(holds) {
            return Ok(args.clone());
        }
        let action = self.action(model, step.action, &step.args);
        Err(Fault::Guard { action, checks: self.failing(model, state, step.action, &choices) })
    }

    /// What fails of a guard that holds for none of the choices: its conjuncts by the names of their checks;
    /// of an abbreviation, the parts without which it would hold.
    fn failing(
        &self,
        model: &Model,
        state: &Structure,
        action: usize,
        choices: &[Vec<usize>],
    ) -> Vec<Arc<str>> {
        let possible = |formula: &Formula| {
            choices.iter().any(|args| model.evaluate(state, formula, &model.action_args(action, args)))
        };
        let guard = &model.actions[action].guard;
        let conjuncts =
            if let Formula::And(parts) = guard { &parts[..] } else { std::slice::from_ref(guard) };
        let mut failing = Vec::new();
        for conjunct in conjuncts.iter().filter(|conjunct| !possible(conjunct)) {
            let mut checks = conjunct.checks();
            if !matches!(conjunct, Formula::Check(..)) {
                // To leave out one of several alternatives would be to need none.
                conjunct.visit(&mut |formula| {
                    if let Formula::Or(parts) = formula {
                        checks.retain(|c| {
                            !parts.iter().any(|p| matches!(p, Formula::Check(name, _) if name == c))
                        });
                    }
                });
                let whole = checks.first().and_then(|check| check.split('.').next()).map(Arc::from);
                checks.retain(|check| possible(&conjunct.without_check(check, true)));
                failing.extend(whole.filter(|_| checks.is_empty()));
            }
            failing.extend(checks);
        }
        failing
    }

    /// The elements that an action may have: all there are where it was left open.
    fn choices(&self, model: &Model, step: &Planned) -> Vec<Vec<usize>> {
        let mut choices = vec![Vec::new()];
        for (i, param) in model.actions[step.action].params.iter().enumerate() {
            let elements = match step.args.get(i).copied().flatten() {
                Some(element) => element..element + 1,
                None => 0..self.names[param.sort.0].len(),
            };
            let longer = |args: &Vec<usize>| -> Vec<Vec<usize>> {
                elements.clone().map(|element| [&args[..], &[element]].concat()).collect()
            };
            choices = choices.iter().flat_map(longer).collect();
        }
        choices
    }

    fn take(
        &self,
        model: &Model,
        state: &Structure,
        step: &Planned,
        args: &[usize],
    ) -> Result<Structure, Fault> {
        let mut next = model.apply(state, step.action, args, &[]);
        if let Some(seen) = &step.seen {
            for relation in seen.relations {
                state.each_tuple(&model.relations[relation.0].sorts, |tuple| {
                    if tuple.starts_with(&seen.prefix) {
                        next.set(relation, tuple, false);
                    }
                    true
                });
            }
            seen.facts.iter().for_each(|(relation, tuple)| next.set(*relation, tuple, true));
        }
        match model.check_step(state, &next, step.action, args) {
            Ok(()) => Ok(next),
            Err(mismatch) => Err(self.fault(model, step.action, args, mismatch)),
        }
    }

    fn fault(&self, model: &Model, action: usize, args: &[usize], mismatch: Mismatch) -> Fault {
        let args: Vec<_> = args.iter().copied().map(Some).collect();
        let name = self.action(model, action, &args);
        match mismatch {
            Mismatch::Guard => Fault::Guard { action: name, checks: Vec::new() },
            Mismatch::Effect(relation, tuple) => {
                let (sorts, effects) = (&model.relations[relation.0].sorts, &model.actions[action].effects);
                let named = effects.iter().filter(|e| e.relation == relation);
                let named = named.flat_map(|e| {
                    if e.change == Change::May { e.at_least.checks() } else { e.within.checks() }
                });
                let fact = format!("{} {}", model.relations[relation.0].name, self.tuple(sorts, &tuple));
                Fault::Effect { action: name, fact, checks: named.collect() }
            }
        }
    }
}
