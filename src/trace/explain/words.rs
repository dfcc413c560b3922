//! An explanation in words.

use std::fmt::{Display, Formatter, Result};

use itertools::Itertools as _;

use super::{Blame, Both, BrokenRule, Conflict, Explanation, Parting, Quorum};

impl Explanation {
    /// In a line, for a picture.
    pub(crate) fn short(&self) -> Option<String> {
        let both = self.conflict.overlaps.first().map(|overlap| {
            let who = overlap.both.iter().map(Both::title).join(", ");
            format!("in both quorums: {}", if who.is_empty() { "nobody" } else { &who })
        });
        let rules = self.rules.iter().flat_map(Blame::stopping).map(|broken| broken.rule).join(" or ");
        let rules = (!rules.is_empty()).then(|| format!("would have stopped it: the paper's {rules}"));
        let parts = both.into_iter().chain(rules).join("; ");
        (!parts.is_empty()).then_some(parts)
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.conflict.fmt(f)?;
        if let Some(rules) = &self.rules {
            rules.fmt(f)?;
        }
        if let Some(byzantine) = self.too_many_byzantine {
            writeln!(f, "{byzantine} replicas are Byzantine: more than the protocol tolerates")?;
        }
        Ok(())
    }
}

impl Display for Conflict {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let letter = |i: usize| ('A'..='Z').nth(i).unwrap_or('?');
        if !self.quorums.is_empty() {
            writeln!(f, "The quorums:")?;
        }
        for (i, quorum) in self.quorums.iter().enumerate() {
            writeln!(f, "  {}: {quorum}", letter(i))?;
        }
        for overlap in &self.overlaps {
            let (a, b) = (letter(overlap.of.0), letter(overlap.of.1));
            for both in &overlap.both {
                writeln!(f, "  In {a} and {b} stands {both}")?;
            }
            if let Some(why) = &overlap.none_honest {
                writeln!(f, "  No honest replica stands in {a} and {b}, and none has to:\n    {why}")?;
            }
        }
        Ok(())
    }
}

impl Display for Quorum {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Quorum { step, replica, outcome, votes, of, needed, sound, .. } = self;
        let (count, of) = (of.len(), of.iter().sorted().join(", "));
        write!(f, "step {step}: {replica} {outcome} on {count} {votes}: {of}")?;
        if needed != sound {
            write!(f, " (the rulebook asks for {needed}; a quorum is {sound})")?;
        }
        Ok(())
    }
}

impl Both {
    fn title(&self) -> String {
        format!("{}{}", self.replica, if self.byzantine { " (Byzantine)" } else { "" })
    }
}

impl Display for Both {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (a, b) = &self.said;
        match a == b {
            true => write!(f, "{} with one vote: it {a}", self.title()),
            false => write!(f, "{}: it {a}, and {b}", self.title()),
        }
    }
}

impl Display for Blame {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.broken.is_empty() {
            return writeln!(
                f,
                "No rule was broken: in all of this run the rulebook answers as the paper's."
            );
        }
        let alone = self.stopping().count();
        writeln!(
            f,
            "{}",
            match alone {
                0 if self.paper_stops => "No rule alone would have stopped it, these together would:",
                0 => "No rule would have stopped it; broken were:",
                1 => "The rule that would have stopped it:",
                _ => "The rules each of which would have stopped it:",
            }
        )?;
        for broken in self.broken.iter().filter(|broken| alone == 0 || broken.stops) {
            broken.fmt(f)?;
        }
        match &self.parting {
            Some(parting) if alone == 0 => writeln!(f, "  With the paper's rules, {parting}"),
            _ => Ok(()),
        }
    }
}

impl Display for BrokenRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let BrokenRule { rule, section, statement, step, answer, paper, .. } = self;
        match section.is_empty() {
            true => writeln!(f, "  {rule}: {statement}")?,
            false => writeln!(f, "  {rule} (OSDI'99 {section}): {statement}")?,
        }
        let when = if *step == 0 { "the start".to_owned() } else { format!("step {step}") };
        writeln!(f, "    At {when} it answers {answer}, where the paper's answers {paper}.")?;
        match &self.parting {
            Some(parting) if self.stops => writeln!(f, "    With the paper's, {parting}"),
            _ => Ok(()),
        }
    }
}

impl Display for Parting {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Parting { step, replica, refusal, gone, instead, shortage } = self;
        write!(f, "the run parts at step {step}: {replica} ")?;
        match refusal {
            Some(refusal) => write!(f, "refuses it: {refusal}")?,
            None if gone.is_empty() => write!(f, "also {}", instead.join(", and "))?,
            None => write!(f, "no longer {}", gone.join(", nor "))?,
        }
        if let Some(shortage) = shortage {
            write!(f, " ({shortage})")?;
        }
        match gone.is_empty() || instead.is_empty() {
            true => Ok(()),
            false => write!(f, "; instead it {}", instead.join(", and ")),
        }
    }
}
