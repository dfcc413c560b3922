//! What a whole check says: of what its parts say the gravest.

use std::fmt;

use super::search::Coverage;
use super::visited::collision_probability;
use crate::trace::were;

/// What a whole check says, in the order of gravity.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Conclusion {
    /// Everything that was asked holds within the bounds.
    Holds,
    /// Nothing is violated, but some good outcome is never reached.
    Vacuous,
    /// A limit ended some run, and nothing was found violated.
    NotExhausted,
    /// Some judge cannot judge these rules, and nothing was found violated.
    NoVerdict,
    /// A property of liveness is violated, and none of safety.
    NotLive,
    /// A safety property is violated.
    Unsafe,
}

impl Conclusion {
    /// The gravest of these. Of nothing at all nothing is known.
    pub(super) fn of(parts: impl Iterator<Item = Conclusion>) -> Self {
        parts.max().unwrap_or(Conclusion::NoVerdict)
    }

    /// The sentence below a table whose rows covered so much.
    pub(super) fn summary<'a>(
        self,
        rows: impl Iterator<Item = &'a Coverage> + Clone,
        f: &mut impl fmt::Write,
    ) -> fmt::Result {
        let states: u64 = rows.clone().map(|coverage| coverage.states).sum();
        let largest = rows.map(|coverage| coverage.states).max().unwrap_or(0);
        match self {
            Conclusion::Holds | Conclusion::Vacuous => writeln!(
                f,
                "Holds within these bounds, and says nothing beyond them: all {} visited; \
                 the chance that a hash collision hid one is below {} in each row.",
                were(states),
                at_most(collision_probability(largest).max(1e-30)),
            ),
            Conclusion::Unsafe | Conclusion::NotLive => f.write_str("Violated.\n"),
            Conclusion::NotExhausted => writeln!(
                f,
                "Not exhausted: {} visited, none of them violates a property, and nothing is known of the others.",
                were(states)
            ),
            Conclusion::NoVerdict => Ok(()),
        }
    }
}

/// A chance with one digit, rounded up.
fn at_most(chance: f64) -> String {
    let unit = 10f64.powf(chance.log10().floor());
    format!("{:.0e}", (chance / unit).ceil() * unit)
}

#[cfg(test)]
mod tests {
    use super::{Conclusion, at_most};

    #[test]
    fn a_chance_is_never_said_to_be_smaller_than_it_is() {
        assert_eq!(at_most(1.33e-25), "2e-25");
        assert_eq!(at_most(9.7e-20), "1e-19");
        for chance in [1e-30, 3.147e-19, 6.3e-17, 5e-3] {
            let said: f64 = at_most(chance).parse().expect("it is a number");
            assert!(said >= chance * (1.0 - 1e-9) && said < 2.0 * chance, "{chance} as {said}");
        }
    }

    #[test]
    fn the_gravest_of_the_parts_is_the_conclusion_and_of_none_there_is_no_verdict() {
        use Conclusion::{Holds, NoVerdict, NotExhausted, NotLive, Unsafe, Vacuous};
        let in_order = [Holds, Vacuous, NotExhausted, NoVerdict, NotLive, Unsafe];
        for (place, graver) in in_order.into_iter().enumerate() {
            for other in in_order.into_iter().take(place + 1) {
                assert_eq!(Conclusion::of([graver, other].into_iter()), graver);
                assert_eq!(Conclusion::of([other, graver].into_iter()), graver);
            }
        }
        assert_eq!(Conclusion::of(std::iter::empty()), NoVerdict);
    }
}
