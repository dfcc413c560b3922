//! A rulebook that takes some rules from another one, and the others from the paper.
//!
//! With every rule taken it answers as the other does, and notes where the paper answers otherwise; with
//! all but one it tells what that one rule is to blame for.
//!
//! The paper's answer is what the default body of the rule says ([`paper`]); whatever that asks further, the mixture answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::model::{guarded, raised};
use crate::pbft::*;

/// The two answers to a question about which two rulebooks differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answers {
    pub given: String,
    pub paper: String,
}

/// The rules that are `taken` from `given`; the others are the paper's.
#[derive(Debug)]
pub(super) struct Mixed {
    given: &'static dyn Rules,
    taken: BTreeSet<&'static str>,
    differing: Mutex<BTreeMap<&'static str, Answers>>,
}

impl Mixed {
    /// The mixture for as long as the program runs, because that is how long replicas keep their
    /// rulebook. It is a few hundred bytes, for each rule that an explained violation breaks.
    pub fn leak(given: &'static dyn Rules, taken: impl IntoIterator<Item = &'static str>) -> &'static Self {
        let taken = taken.into_iter().collect();
        Box::leak(Box::new(Mixed { given, taken, differing: Mutex::default() }))
    }

    /// The rules on which the given rulebook has answered otherwise than the paper, all other rules being
    /// those of the mixture; each with the first such answer.
    pub fn differing(&self) -> BTreeMap<&'static str, Answers> {
        self.differing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer<T: PartialEq + fmt::Debug>(
        &self,
        rule: &'static str,
        paper: impl FnOnce() -> T,
        given: impl FnOnce() -> T,
    ) -> T {
        let paper = paper();
        if !self.taken.contains(rule) {
            return paper;
        }
        let given = guarded(given);
        if given.as_ref() != Ok(&paper) {
            let answer = match &given {
                Ok(given) => format!("{given:?}"),
                Err(panicked) => format!("with a panic, {panicked}"),
            };
            let mut differing = self.differing.lock().unwrap_or_else(PoisonError::into_inner);
            differing.entry(rule).or_insert_with(|| Answers { given: answer, paper: format!("{paper:?}") });
        }
        raised(given)
    }
}

macro_rules! rules {
    ($($name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        impl Rules for Mixed {
            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $out {
                self.answer(
                    stringify!($name),
                    || paper::$name(self, $($arg),*),
                    || self.given.$name($($arg),*),
                )
            })*
        }
    };
}

every_rule! { rules }

/// The rulebook's own text: what a rule says is said there, and nowhere else.
const BOOK: &str = include_str!("../../pbft/rules.rs");

/// The paper's section of a rule, and what the rule says in a sentence.
pub(super) fn statement(rule: &str) -> (String, String) {
    let lines: Vec<_> = BOOK.lines().map(str::trim).collect();
    let is_rule = |line: &str| {
        let name = line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(rule));
        name.is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    let end = lines.iter().position(|line| is_rule(line)).unwrap_or(0);
    let start = lines[..end].iter().rposition(|line| !line.starts_with("///")).map_or(end, |i| i + 1);
    let doc = lines[start..end].iter().map(|line| line.trim_start_matches('/').trim());
    let first = doc.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let sentence = first.split(". ").next().unwrap_or_default().trim_end_matches('.');
    match sentence.split_once(": ") {
        Some((section, says)) => (section.to_owned(), says.to_owned()),
        None => (String::new(), sentence.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule that is missing here would be the paper's in every mixture, and tests that go over all rules would miss it.
    #[test]
    fn no_rule_is_forgotten() {
        let book = BOOK.split_once("pub trait Rules").unwrap().1.split_once("\n}\n").unwrap().0;
        let methods = book.lines().filter_map(|line| line.strip_prefix("    fn "));
        let names: Vec<_> = methods.map(|rest| rest.split(['(', '<']).next().unwrap()).collect();
        assert_eq!([&RULES[..], &["itself"]].concat(), names);
    }

    #[test]
    fn every_rule_says_something() {
        for rule in RULES {
            let (section, says) = statement(rule);
            assert!(section.is_empty() || section.starts_with('§'), "{rule}: {section}");
            assert!(says.len() > 10, "{rule}: {says}");
        }
        assert_eq!(statement("commit_quorum"), ("§4.2".to_owned(), "how many commits decide".to_owned()));
    }

    #[derive(Debug)]
    struct Two;

    impl Rules for Two {
        fn quorum(&self, _committee: Committee) -> usize {
            2
        }
    }

    /// What is not overridden follows what is, and only what is overridden is said to differ.
    #[test]
    fn a_rule_of_the_paper_asks_the_mixture() {
        let committee = Committee::of(4).unwrap();
        let all = Mixed::leak(&Two, RULES.iter().copied());
        assert_eq!((all.quorum(committee), all.commit_quorum(committee)), (2, 2));
        let answers = Answers { given: "2".to_owned(), paper: "3".to_owned() };
        assert_eq!(all.differing(), [("quorum", answers)].into());
        let only = Mixed::leak(&Two, ["quorum"]);
        assert_eq!((only.quorum(committee), only.commit_quorum(committee)), (2, 2));
        let none = Mixed::leak(&Two, []);
        assert_eq!((none.quorum(committee), none.commit_quorum(committee)), (3, 3));
    }
}
