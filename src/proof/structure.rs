//! Finite structures: what the model's relations are for one given committee, in one given state.
//!
//! Formulas are evaluated in them, and two of them are held against an action: whether one can follow
//! the other by it. This needs no prover, so it can be asked of every state and step of a running replica.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::formula::{Formula, FunctionId, RelationId, SortId, Term};
use super::model::{Change, Effect, Model, Run, RunStep};
use crate::pbft::{Castro99, Committee, Rules, View};

/// The sorts that a structure knows how to fill, by name.
const SORTS: [&str; 6] = ["Node", "Quorum", "Weak", "View", "Slot", "Value"];

/// An interpretation of a model over finite sets. Elements are numbers from 0, separately for each sort.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    sizes: Vec<usize>,
    relations: Vec<Table>,
    functions: Arc<Vec<Vec<usize>>>,
    function_sorts: Arc<Vec<Vec<SortId>>>,
}

/// The tuples of which a relation holds: a bit for each tuple, in the order of a mixed-radix number.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Table {
    sorts: Arc<[SortId]>,
    bits: Arc<Vec<bool>>,
}

/// Why a step is not an instance of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// The guard does not hold before.
    Guard,
    /// The relation did not change as the effect says: this tuple is wrong.
    Effect(RelationId, Vec<usize>),
}

/// All subsets of `0..n` of a size, as lists, in order.
fn subsets(n: u16, size: usize) -> Vec<Vec<u16>> {
    let mut all = vec![Vec::new()];
    for _ in 0..size {
        let longer = |set: &Vec<u16>| -> Vec<Vec<u16>> {
            let from = set.last().map_or(0, |&last| last + 1);
            (from..n).map(|id| [&set[..], &[id]].concat()).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// The names of the elements of each sort of the model, for a committee: replicas `r0`, quorums and weak
/// quorums `r0+r1+r2`, views `v0`, slots `#1`, values `x0`.
pub(super) fn element_names(
    model: &Model,
    committee: Committee,
    views: u16,
    slots: u16,
    values: u16,
) -> Vec<Vec<Arc<str>>> {
    let sets = |size: usize| -> Vec<Arc<str>> {
        let name = |set: &Vec<u16>| set.iter().map(|id| format!("r{id}")).collect::<Vec<_>>().join("+");
        subsets(committee.n(), size).iter().map(|set| Arc::from(name(set))).collect()
    };
    let numbered = |prefix: &str, range: std::ops::Range<u16>| -> Vec<Arc<str>> {
        range.map(|i| Arc::from(format!("{prefix}{i}"))).collect()
    };
    model
        .sorts
        .iter()
        .map(|name| match SORTS.iter().position(|s| *s == &**name) {
            Some(0) => numbered("r", 0..committee.n()),
            Some(1) => sets(committee.quorum()),
            Some(2) => sets(committee.weak_quorum()),
            Some(3) => numbered("v", 0..views),
            Some(4) => numbered("#", 1..slots + 1),
            Some(5) => numbered("x", 0..values),
            _ => Vec::new(),
        })
        .collect()
}

impl Model {
    /// The structure of a run before its first step.
    pub fn structure(&self, run: &Run) -> Structure {
        let sizes: Vec<usize> = run.elements.iter().map(Vec::len).collect();
        let committee = Committee::new(run.committee.0, run.committee.1).ok();
        let primary = |view: usize| committee.map_or(0, |c| Castro99.primary(c, View(view as u64)).index());
        self.nothing_happened(sizes, committee, &run.byzantine, &primary, &|_| true)
    }

    /// The structure of a committee in which nothing has happened yet: what is fixed, and no more.
    pub(super) fn nothing_happened(
        &self,
        sizes: Vec<usize>,
        committee: Option<Committee>,
        byzantine: &[u16],
        primary: &dyn Fn(usize) -> usize,
        valid: &dyn Fn(usize) -> bool,
    ) -> Structure {
        let (n, quorum, weak) = committee.map_or((0, 0, 0), |c| (c.n(), c.quorum(), c.weak_quorum()));
        let (quorums, weak_quorums) = (subsets(n, quorum), subsets(n, weak));
        let functions = self.functions.iter().map(|function| match &*function.name {
            "leader" => (0..sizes[function.sorts[0].0]).map(primary).collect(),
            _ => vec![0],
        });
        let mut structure = Structure::empty(self, sizes.clone(), functions.collect());
        for (r, relation) in self.relations.iter().enumerate().filter(|(_, r)| r.fixed) {
            for tuple in structure.tuples(&relation.sorts) {
                let holds = match (&*relation.name, &tuple[..]) {
                    ("honest", &[node]) => !byzantine.contains(&(node as u16)),
                    ("in", &[node, set]) => quorums[set].contains(&(node as u16)),
                    ("in-weak", &[node, set]) => weak_quorums[set].contains(&(node as u16)),
                    ("<=", &[a, b]) => a <= b,
                    ("valid", &[value]) => valid(value),
                    _ => false,
                };
                structure.set(RelationId(r), &tuple, holds);
            }
        }
        structure
    }

    /// The states of a run, the first and the one after each step.
    ///
    /// # Errors
    /// The step, counted from 0, that its action does not allow.
    pub fn replay(&self, run: &Run) -> Result<Vec<Structure>, (usize, Mismatch)> {
        let mut states = vec![self.structure(run)];
        for (i, step) in run.steps.iter().enumerate() {
            let (args, with) = run.resolve(step);
            let before = &states[i];
            let after = self.apply(before, step.action, &args, &with);
            self.check_step(before, &after, step.action, &args).map_err(|mismatch| (i, mismatch))?;
            states.push(after);
        }
        Ok(states)
    }

    /// Whether a closed formula holds, with `args` for its free variables.
    pub fn evaluate(&self, structure: &Structure, formula: &Formula, args: &[(usize, usize)]) -> bool {
        let mut values = vec![0; self.variables];
        for &(var, value) in args {
            if let Some(place) = values.get_mut(var) {
                *place = value;
            }
        }
        structure.evaluate(formula, &mut values)
    }

    /// The clauses of the invariant that do not hold.
    pub fn broken_clauses(&self, structure: &Structure) -> Vec<Arc<str>> {
        let broken = |formula: &Formula| !self.evaluate(structure, formula, &[]);
        let statements = self.axioms.iter().chain(&self.clauses).chain(&self.safety);
        statements.filter(|s| broken(&s.formula)).map(|s| Arc::clone(&s.name)).collect()
    }

    /// The state after an action that may not be possible: its effects, and of what they leave open the
    /// tuples in `with`.
    pub fn apply(
        &self,
        before: &Structure,
        action: usize,
        args: &[usize],
        with: &[(RelationId, Vec<usize>)],
    ) -> Structure {
        let mut after = before.clone();
        let mut values = self.values(action, args);
        for effect in &self.actions[action].effects {
            let relation = effect.relation;
            before.each_tuple(&self.relations[relation.0].sorts, |tuple| {
                let mut hit = |f| before.hits(effect, f, tuple, &mut values);
                match effect.change {
                    Change::Add if hit(&effect.within) => after.set(relation, tuple, true),
                    Change::Remove if hit(&effect.within) => after.set(relation, tuple, false),
                    Change::May if hit(&effect.at_least) => after.set(relation, tuple, true),
                    _ => {}
                }
                true
            });
        }
        for (relation, tuple) in with {
            after.set(*relation, tuple, true);
        }
        after
    }

    /// Whether `after` can follow `before` by the action with these elements: its guard held, and what
    /// changed is what its effects say, neither less nor more.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check_step(
        &self,
        before: &Structure,
        after: &Structure,
        action: usize,
        args: &[usize],
    ) -> Result<(), Mismatch> {
        let (mut values, step) = (self.values(action, args), &self.actions[action]);
        if !before.evaluate(&step.guard, &mut values) {
            return Err(Mismatch::Guard);
        }
        for (r, relation) in self.relations.iter().enumerate() {
            let id = RelationId(r);
            let effects: Vec<&Effect> = step.effects.iter().filter(|e| e.relation == id).collect();
            if before.relations[r] == after.relations[r] && effects.is_empty() {
                continue;
            }
            let mut wrong = None;
            before.each_tuple(&relation.sorts, |tuple| {
                let old = before.holds(id, tuple);
                // The bounds within which the tuple may be after the effects, in their order.
                let (mut least, mut most) = (old, old);
                for effect in &effects {
                    let mut hit = |f| before.hits(effect, f, tuple, &mut values);
                    match effect.change {
                        Change::Add if hit(&effect.within) => (least, most) = (true, true),
                        Change::Remove if hit(&effect.within) => (least, most) = (false, false),
                        Change::May => {
                            least |= hit(&effect.at_least);
                            most |= hit(&effect.within);
                        }
                        _ => {}
                    }
                }
                let new = after.holds(id, tuple);
                if (least && !new) || (new && !most) {
                    wrong = Some(Mismatch::Effect(id, tuple.to_vec()));
                }
                wrong.is_none()
            });
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
        }
        Ok(())
    }

    pub(super) fn action_args(&self, action: usize, args: &[usize]) -> Vec<(usize, usize)> {
        self.actions[action].params.iter().map(|p| p.id).zip(args.iter().copied()).collect()
    }

    /// The values of all variables, of which those of the action are these.
    fn values(&self, action: usize, args: &[usize]) -> Vec<usize> {
        let mut values = vec![0; self.variables];
        for (var, value) in self.action_args(action, args) {
            values[var] = value;
        }
        values
    }
}

impl Run {
    /// The elements of a step, as numbers: those of its action, and the tuples that it adds.
    pub(crate) fn resolve(&self, step: &RunStep) -> (Vec<usize>, Vec<(RelationId, Vec<usize>)>) {
        let values = self.values();
        let value = |term: &Term| match term {
            Term::Var(var) => values.iter().find(|(id, _)| *id == var.id).map_or(0, |(_, value)| *value),
            Term::Apply(..) => 0,
        };
        let tuple = |terms: &[Term]| terms.iter().map(value).collect();
        (tuple(&step.args), step.with.iter().map(|(r, args)| (*r, tuple(args))).collect())
    }

    /// The value of each named element, by its number as a variable.
    pub fn values(&self) -> Vec<(usize, usize)> {
        let of_sort = |vars: &Vec<super::Var>| -> Vec<(usize, usize)> {
            vars.iter().enumerate().map(|(value, var)| (var.id, value)).collect()
        };
        self.elements.iter().flat_map(of_sort).collect()
    }
}

impl Structure {
    /// The structure of these sizes in which no relation holds of anything.
    pub(crate) fn empty(model: &Model, sizes: Vec<usize>, functions: Vec<Vec<usize>>) -> Self {
        let table = |sorts: &[SortId]| Table {
            sorts: Arc::from(sorts),
            bits: Arc::new(vec![false; sorts.iter().map(|s| sizes[s.0]).product()]),
        };
        let relations = model.relations.iter().map(|r| table(&r.sorts)).collect();
        let function_sorts = model.functions.iter().map(|f| f.sorts.clone()).collect();
        Structure {
            sizes,
            relations,
            functions: Arc::new(functions),
            function_sorts: Arc::new(function_sorts),
        }
    }

    /// All tuples of elements of these sorts.
    pub fn tuples(&self, sorts: &[SortId]) -> Vec<Vec<usize>> {
        let mut all = Vec::new();
        self.each_tuple(sorts, |tuple| {
            all.push(tuple.to_vec());
            true
        });
        all
    }

    /// Shows one tuple of elements of these sorts after the other, in order, as long as that is wanted.
    pub(super) fn each_tuple(&self, sorts: &[SortId], mut is_wanted: impl FnMut(&[usize]) -> bool) {
        let mut tuple: SmallVec<[usize; 6]> = smallvec![0; sorts.len()];
        if sorts.iter().any(|sort| self.sizes[sort.0] == 0) {
            return;
        }
        while is_wanted(&tuple) {
            let mut places = tuple.iter_mut().zip(sorts).rev();
            let next = places.find_map(|(element, sort)| {
                *element += 1;
                if *element < self.sizes[sort.0] {
                    return Some(());
                }
                *element = 0;
                None
            });
            if next.is_none() {
                return;
            }
        }
    }

    /// Whether the relation holds of the tuple.
    pub(crate) fn holds(&self, relation: RelationId, tuple: &[usize]) -> bool {
        let table = &self.relations[relation.0];
        table.bits[self.index(&table.sorts, tuple.iter().copied())]
    }

    /// Says whether the relation holds of the tuple.
    pub fn set(&mut self, relation: RelationId, tuple: &[usize], holds: bool) {
        let sorts = Arc::clone(&self.relations[relation.0].sorts);
        let index = self.index(&sorts, tuple.iter().copied());
        Arc::make_mut(&mut self.relations[relation.0].bits)[index] = holds;
    }

    /// The tuples at which the two differ, and whether the relation holds of them in the other. Both are of the
    /// same sizes.
    pub(crate) fn differences(&self, other: &Structure) -> Vec<(RelationId, Vec<usize>, bool)> {
        let mut found = Vec::new();
        for (r, (mine, theirs)) in self.relations.iter().zip(&other.relations).enumerate() {
            if mine == theirs {
                continue;
            }
            self.each_tuple(&mine.sorts, |tuple| {
                let holds = other.holds(RelationId(r), tuple);
                if self.holds(RelationId(r), tuple) != holds {
                    found.push((RelationId(r), tuple.to_vec(), holds));
                }
                true
            });
        }
        found
    }

    /// The function's value.
    pub(crate) fn apply(&self, function: FunctionId, tuple: &[usize]) -> usize {
        self.functions[function.0][self.index(&self.function_sorts[function.0], tuple.iter().copied())]
    }

    /// Whether the effect speaks of this tuple, and the condition holds for it. `values` holds those of the
    /// action.
    fn hits(&self, effect: &Effect, condition: &Formula, tuple: &[usize], values: &mut [usize]) -> bool {
        let is_open = |i: usize, id: usize| {
            // The first place at which an open variable stands says what it is.
            let earlier = effect.args[..i].iter().any(|arg| matches!(arg, Term::Var(var) if var.id == id));
            !earlier && effect.vars.iter().any(|var| var.id == id)
        };
        for (i, (arg, &value)) in effect.args.iter().zip(tuple).enumerate() {
            match arg {
                Term::Var(var) if is_open(i, var.id) => values[var.id] = value,
                _ if self.value(arg, values) != value => return false,
                _ => {}
            }
        }
        self.evaluate(condition, values)
    }

    fn index(&self, sorts: &[SortId], tuple: impl Iterator<Item = usize>) -> usize {
        tuple.zip(sorts).fold(0, |index, (element, sort)| index * self.sizes[sort.0] + element)
    }

    fn value(&self, term: &Term, values: &[usize]) -> usize {
        match term {
            Term::Var(var) => values[var.id],
            Term::Apply(f, args) => self.functions[f.0][self.place(&self.function_sorts[f.0], args, values)],
        }
    }

    /// Where the tuple that these terms stand for is. It is asked more often than anything else.
    fn place(&self, sorts: &[SortId], args: &[Term], values: &[usize]) -> usize {
        let mut place = 0;
        for (sort, arg) in sorts.iter().zip(args) {
            place = place * self.sizes[sort.0] + self.value(arg, values);
        }
        place
    }

    /// `values` holds the value of each variable, by its number.
    fn evaluate(&self, formula: &Formula, values: &mut [usize]) -> bool {
        match formula {
            Formula::Const(b) => *b,
            Formula::Atom(r, _, args) => {
                let table = &self.relations[r.0];
                table.bits[self.place(&table.sorts, args, values)]
            }
            Formula::Equal(a, b) => self.value(a, values) == self.value(b, values),
            Formula::Not(f) => !self.evaluate(f, values),
            Formula::And(parts) => parts.iter().all(|f| self.evaluate(f, values)),
            Formula::Or(parts) => parts.iter().any(|f| self.evaluate(f, values)),
            Formula::Implies(a, b) => !self.evaluate(a, values) || self.evaluate(b, values),
            Formula::Forall(vars, f) => self.all(vars, f, true, values),
            Formula::Exists(vars, f) => !self.all(vars, f, false, values),
            Formula::Check(_, f) => self.evaluate(f, values),
        }
    }

    /// Whether `body` evaluates to `wanted` for all values of `vars`.
    fn all(&self, vars: &[super::Var], body: &Formula, wanted: bool, values: &mut [usize]) -> bool {
        let Some((var, rest)) = vars.split_first() else {
            return self.evaluate(body, values) == wanted;
        };
        (0..self.sizes[var.sort.0]).all(|element| {
            values[var.id] = element;
            self.all(rest, body, wanted, values)
        })
    }
}
