//! What a new view makes of lists of view changes.
//!
//! A *report* is, at each number, a certificate or none. What is due of a list of reports is said here once more, in other words
//! than in the rulebook of the paper; the rules have to say the same.

use itertools::Itertools as _;
use rayon::prelude::*;

use super::assumption::Assumption;
use super::trial::Trial;
use crate::interrupt;
use crate::pbft::{Batch, NewView, PreparedClaim, Proposal, SeqNum, Uncompared, View, ViewChange};

/// So many lists are tried at most.
pub(super) const MOST: u64 = 6_000_000;

/// At a number: the place of a certificate's view among others, and of its batch.
type Held = Option<(usize, usize)>;

/// What a view change reports.
type Report = Vec<Held>;

/// Batches by the place of the view.
type Certified = Vec<usize>;

/// # Errors
/// What a rulebook does not fulfil.
pub(super) fn check(trial: &Trial<'_>) -> Result<(), Assumption> {
    for new_view in [20, 21, 22, 23, 1 << 20].map(View) {
        Lists::new(trial, new_view).check_some()?;
    }
    let lists = Lists::new(trial, View(64));
    lists.check_short()?;
    lists.check_long()
}

/// How views that stand in an order are numbered.
#[derive(Clone, Copy)]
struct Numbering(fn(u64) -> u64);

impl Numbering {
    /// In a row from view 0 on; and with gaps.
    const ALL: [Numbering; 2] = [Numbering(|place| place), Numbering(|place| 5 * place + 3)];
}

struct Lists<'a> {
    trial: &'a Trial<'a>,
    /// Requests, as many as there can be in a list, and the null one, which is the last.
    batches: Vec<&'a Batch>,
    new_view: View,
}

/// Reports under a numbering, with what they say.
struct Alphabet {
    reports: Vec<Report>,
    changes: Vec<ViewChange>,
}

impl<'a> Lists<'a> {
    fn new(trial: &'a Trial<'a>, new_view: View) -> Self {
        let batches = trial.requests.iter().take(3).chain([trial.null]).collect();
        Lists { trial, batches, new_view }
    }

    fn slots(&self) -> usize {
        self.trial.slots as usize
    }

    fn null(&self) -> usize {
        self.batches.len() - 1
    }

    fn alphabet(&self, reports: Vec<Report>, numbering: Numbering) -> Alphabet {
        let claim = |(seq, held): (u64, &Held)| -> Option<PreparedClaim> {
            let (place, batch) = (*held)?;
            Some(self.trial.maker.claim(View(numbering.0(place as u64)), SeqNum(seq), self.batches[batch]))
        };
        let change = |report: &Report| {
            let prepared = (1..).zip(report).filter_map(claim).collect();
            self.trial.maker.change(self.new_view, prepared)
        };
        let changes = reports.iter().map(change).collect();
        Alphabet { reports, changes }
    }

    /// What follows from these reports: at each number the batch of the highest view.
    fn due(&self, alphabet: &Alphabet, list: &[usize]) -> Vec<usize> {
        let mut due = Vec::with_capacity(self.slots());
        let mut high = 0;
        for seq in 0..self.slots() {
            let mut highest: Held = None;
            for &report in list {
                let held = alphabet.reports[report][seq];
                if held.is_some_and(|(place, _)| highest.is_none_or(|(other, _)| place > other)) {
                    highest = held;
                }
            }
            if highest.is_some() {
                high = seq + 1;
            }
            due.push(highest.map_or(self.null(), |(_, batch)| batch));
        }
        due.truncate(high);
        due
    }

    fn is_due(&self, proposed: &[(SeqNum, Batch)], due: &[usize]) -> bool {
        proposed.len() == due.len()
            && proposed.iter().zip(due).zip(1..).all(|(((seq, batch), &due), number)| {
                seq.0 == number && batch.digest() == self.batches[due].digest()
            })
    }

    /// What the rules make of a list: all of it is valid.
    fn check_list(&self, alphabet: &Alphabet, list: &[usize]) -> Result<(), Assumption> {
        let changes: Vec<&ViewChange> = list.iter().map(|&report| &alphabet.changes[report]).collect();
        let rules = self.trial.maker.rules;
        if !self.is_due(&rules.new_view_batches(&changes), &self.due(alphabet, list)) {
            return Err(Assumption::NewViewBatches);
        }
        if rules.new_view_start(&changes) != Some(SeqNum::GENESIS) {
            return Err(Assumption::NewViewStart);
        }
        Ok(())
    }

    /// What the rules make of a list, which of its view changes count, and what is accepted.
    fn check_closely(&self, alphabet: &Alphabet, list: &[usize]) -> Result<(), Assumption> {
        self.check_list(alphabet, list)?;
        let changes: Vec<&ViewChange> = list.iter().map(|&report| &alphabet.changes[report]).collect();
        let maker = self.trial.maker;
        let kept = maker.rules.sift(maker.setting, &changes).map_err(|_| Assumption::Sift)?;
        let is_whole =
            kept.len() == changes.len() && kept.iter().zip(&changes).all(|(a, b)| std::ptr::eq(*a, *b));
        if !is_whole {
            return Err(Assumption::Sift);
        }
        self.check_follows(&changes, &self.due(alphabet, list))
    }

    fn check_follows(&self, changes: &[&ViewChange], due: &[usize]) -> Result<(), Assumption> {
        let maker = self.trial.maker;
        let proposals = |view: View, content: &[usize]| -> Vec<Proposal> {
            let numbered = (1..).map(SeqNum).zip(content);
            numbered.map(|(seq, &batch)| maker.proposal(view, seq, self.batches[batch])).collect()
        };
        let follows = |view: View, proposals: Vec<Proposal>| {
            maker.rules.follows(&NewView { view, view_changes: Uncompared(Vec::new()), proposals }, changes)
        };
        let own = proposals(self.new_view, due);
        if !follows(self.new_view, own.clone()) {
            return Err(Assumption::Follows);
        }
        let mut others: Vec<Vec<Proposal>> = Vec::new();
        for other in 0..self.batches.len() {
            for place in 0..due.len() {
                let mut content = due.to_vec();
                content[place] = other;
                others.push(proposals(self.new_view, &content));
            }
            others.push(proposals(self.new_view, &[due, &[other]].concat()));
        }
        for left_out in 0..own.len() {
            let mut fewer = own.clone();
            fewer.remove(left_out);
            others.push(fewer);
            others.push(own[..left_out].to_vec());
        }
        others.push(own.iter().rev().cloned().collect());
        others.push(own.iter().flat_map(|proposal| [proposal.clone(), proposal.clone()]).collect());
        others.push(proposals(self.new_view.next(), due));
        let said = |of: &[Proposal]| of.iter().map(|p| (p.view(), p.seq(), p.digest())).collect::<Vec<_>>();
        let due = said(&own);
        let mut wrong = others.into_iter().filter(|other| said(other) != due);
        if wrong.any(|other| follows(self.new_view, other)) { Err(Assumption::Follows) } else { Ok(()) }
    }

    /// What can stand at a number, by the batches that views certify there.
    fn options(certified: &Certified) -> Vec<Held> {
        let held = certified.iter().enumerate().map(|(place, &batch)| Some((place, batch)));
        std::iter::once(None).chain(held).collect()
    }

    /// Batches for so many views, in every way.
    fn all_certified(&self, views: usize) -> Vec<Certified> {
        (0..views).map(|_| 0..self.batches.len()).multi_cartesian_product().collect()
    }

    /// A few lists: enough to tell one view that begins from another.
    fn check_some(&self) -> Result<(), Assumption> {
        let longest = (self.trial.n() as usize).min(4);
        for certified in self.certified_at(2) {
            let mut reports = Self::reports_of(&certified);
            reports.truncate(3);
            let alphabet = self.alphabet(reports, Numbering::ALL[0]);
            try_each((0..longest).map(|_| 0..3).multi_cartesian_product(), |list| {
                self.check_closely(&alphabet, list)
            })?;
        }
        Ok(())
    }

    /// All lists of up to four reports.
    fn check_short(&self) -> Result<(), Assumption> {
        let longest = (self.trial.n() as usize).min(4);
        if self.slots() > 1 {
            return self.check_short_of_several(longest);
        }
        at_once(self.all_certified(3), |certified| {
            let reports: Vec<Report> = Self::options(certified).into_iter().map(|held| vec![held]).collect();
            for numbering in Numbering::ALL {
                let alphabet = self.alphabet(reports.clone(), numbering);
                for length in 1..=longest {
                    try_each((0..length).map(|_| 0..reports.len()).multi_cartesian_product(), |list| {
                        self.check_closely(&alphabet, list)
                    })?;
                }
                self.check_invalid(&alphabet, longest)?;
            }
            Ok(())
        })?;
        for certified in self.all_certified(4) {
            let held = Self::options(&certified).into_iter().flatten().map(|held| vec![Some(held)]);
            let alphabet = self.alphabet(held.collect(), Numbering::ALL[1]);
            try_each((0..4).permutations(longest), |list| self.check_list(&alphabet, list))?;
        }
        Ok(())
    }

    /// In how many ways two views at each number certify batches: so that numbers differ in it.
    fn certified_at(&self, ways: usize) -> Vec<Vec<Certified>> {
        let (one, other, null) = (0, self.null().saturating_sub(1).min(1), self.null());
        let all = [[one, other], [one, null], [null, one], [one, one], [other, one]];
        let at = |way: usize, seq: usize| all[(way + seq * (1 + way / all.len())) % all.len()].to_vec();
        (0..ways).map(|way| (0..self.slots()).map(|seq| at(way, seq)).collect()).collect()
    }

    fn reports_of(certified: &[Certified]) -> Vec<Report> {
        certified.iter().map(Self::options).multi_cartesian_product().collect()
    }

    fn check_short_of_several(&self, longest: usize) -> Result<(), Assumption> {
        let count = 3_u64.pow(self.slots().min(8) as u32).pow(longest as u32);
        let ways = (MOST / count / 4).min(10) as usize;
        if self.slots() > 8 || ways == 0 {
            return Err(Assumption::TooMany);
        }
        for (way, certified) in self.certified_at(ways).iter().enumerate() {
            let alphabet = self.alphabet(Self::reports_of(certified), Numbering::ALL[way % 2]);
            let all = 0..alphabet.reports.len();
            for length in 1..=longest {
                at_once(all.clone().collect(), |&first| {
                    try_each(lists_from(first, length, all.clone()), |list| {
                        if length <= 2 {
                            self.check_closely(&alphabet, list)
                        } else {
                            self.check_list(&alphabet, list)
                        }
                    })
                })?;
            }
            self.check_invalid(&alphabet, longest)?;
        }
        Ok(())
    }

    /// A view change that is not valid makes all that it stands among count for nothing.
    fn check_invalid(&self, alphabet: &Alphabet, longest: usize) -> Result<(), Assumption> {
        let maker = self.trial.maker;
        let Some(&batch) = self.batches.first() else { return Ok(()) };
        let unproved =
            PreparedClaim { prepares: Uncompared([].into()), ..maker.claim(View(0), SeqNum(1), batch) };
        let bad = [
            maker.change(self.new_view, vec![unproved]),
            maker.change(self.new_view, vec![maker.claim(self.new_view, SeqNum(1), batch)]),
        ];
        let is_valid = |change| maker.rules.check_view_change(maker.setting, change).is_ok();
        for bad in bad.iter().filter(|bad| !is_valid(bad)) {
            for (report, place) in (0..alphabet.changes.len()).cartesian_product(0..longest) {
                let mut changes = vec![&alphabet.changes[report]; longest];
                changes[place] = bad;
                if maker.rules.sift(maker.setting, &changes).is_ok() {
                    return Err(Assumption::Sift);
                }
            }
        }
        Ok(())
    }

    /// Lists of as many reports as there can be, of which at most three differ.
    fn check_long(&self) -> Result<(), Assumption> {
        let n = self.trial.n() as u32;
        if n <= 4 {
            return Ok(());
        }
        let of_one = 3_u64.saturating_pow(n);
        let reports = 3_u64.saturating_pow(self.slots() as u32);
        let triples = reports * (reports - 1) * reports.saturating_sub(2) / 6;
        let ways = (MOST / of_one.saturating_mul(triples).max(1)).min(5) as usize;
        if ways == 0 {
            return Err(Assumption::TooMany);
        }
        let mut alphabets: Vec<Alphabet> = Vec::new();
        for (way, certified) in self.certified_at(ways).iter().enumerate() {
            alphabets.push(self.alphabet(Self::reports_of(certified), Numbering::ALL[way % 2]));
        }
        if self.slots() == 1 {
            let three = [0, self.null(), 0].into_iter().enumerate().map(|held| vec![Some(held)]);
            alphabets.push(self.alphabet(three.collect(), Numbering::ALL[0]));
        }
        for alphabet in &alphabets {
            for three in (0..alphabet.reports.len()).combinations(3) {
                self.check_lists_of(alphabet, [three[0], three[1], three[2]], n as usize)?;
            }
            for two in (0..alphabet.reports.len()).combinations(2).take(if n > 10 { 3 } else { 36 }) {
                at_once((0..1_u32 << n).collect(), |set| {
                    let list: Vec<usize> = (0..n).map(|place| two[(set >> place & 1) as usize]).collect();
                    self.check_closely(alphabet, &list)
                })?;
            }
        }
        Ok(())
    }

    /// All lists of up to so many of these three.
    fn check_lists_of(&self, alphabet: &Alphabet, three: [usize; 3], n: usize) -> Result<(), Assumption> {
        // So many at a time are one thread's.
        let rows = 3_usize.pow(n.saturating_sub(5) as u32);
        at_once((0..rows).collect(), |&row| {
            for number in (0..3_usize.pow(n as u32)).skip(row).step_by(rows) {
                let mut list = Vec::with_capacity(n);
                let mut left = number;
                for _ in 0..n {
                    list.push(three[left % 3]);
                    left /= 3;
                }
                self.check_list(alphabet, &list)?;
                // Each shorter list once: that which a row of the first of them is left out of.
                let shorter = list.iter().rposition(|&report| report != three[0]).map_or(1, |last| last + 1);
                if shorter < n {
                    self.check_list(alphabet, &list[..shorter])?;
                }
            }
            Ok(())
        })
    }
}

/// All lists of that length that begin with this.
fn lists_from(first: usize, length: usize, all: std::ops::Range<usize>) -> impl Iterator<Item = Vec<usize>> {
    let rest = (1..length).map(|_| all.clone()).multi_cartesian_product();
    let rest: Box<dyn Iterator<Item = Vec<usize>>> =
        if length == 1 { Box::new(std::iter::once(Vec::new())) } else { Box::new(rest) };
    rest.map(move |mut rest| {
        rest.insert(0, first);
        rest
    })
}

/// Checks all of these, on all threads; of what fails the first, in this order.
fn at_once<T: Send + Sync>(
    all: Vec<T>,
    check: impl Fn(&T) -> Result<(), Assumption> + Sync + Send,
) -> Result<(), Assumption> {
    let over = interrupt::current();
    let failed = |one| {
        let _over = interrupt::enter(over.clone());
        check(one).err()
    };
    all.par_iter().find_map_first(failed).map_or(Ok(()), Err)
}

fn try_each(
    mut lists: impl Iterator<Item = Vec<usize>>,
    mut check: impl FnMut(&[usize]) -> Result<(), Assumption>,
) -> Result<(), Assumption> {
    lists.try_for_each(|list| check(&list))
}
