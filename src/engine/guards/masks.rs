//! Sets of messages that exist, as bits, and smallest sets of them.

/// A set of what honest nodes have sent.
pub(super) type Mask = u128;

/// Sets of which any one suffices; none of them is part of another, and they are in order.
pub(super) type Any = Vec<Mask>;

/// What is always the case.
pub(super) fn always() -> Any {
    vec![0]
}

/// Keeps the smallest.
pub(super) fn smallest(mut masks: Any) -> Any {
    masks.sort_unstable_by_key(|mask| (mask.count_ones(), *mask));
    masks.dedup();
    let mut kept: Any = Vec::with_capacity(masks.len());
    for mask in masks {
        if !kept.iter().any(|smaller| smaller & !mask == 0) {
            kept.push(mask);
        }
    }
    kept.sort_unstable();
    kept
}

/// Both.
pub(super) fn both(one: &[Mask], other: &[Mask]) -> Any {
    match (one, other) {
        ([0], any) | (any, [0]) => any.to_vec(),
        _ => smallest(one.iter().flat_map(|a| other.iter().map(move |b| a | b)).collect()),
    }
}

/// Either.
pub(super) fn either(one: &[Mask], other: &[Mask]) -> Any {
    smallest([one, other].concat())
}

/// Whether one of them is there.
#[inline]
pub(super) fn is_met(any: &[Mask], exists: Mask) -> bool {
    any.iter().any(|mask| mask & !exists == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_the_smallest_is_part_of_another() {
        assert_eq!(smallest(vec![0b111, 0b011, 0b100, 0b110, 0b011]), [0b011, 0b100]);
        assert_eq!(both(&[0b01, 0b10], &[0b01]), [0b01]);
        assert_eq!(both(&[0b001, 0b010], &[0b100]), [0b101, 0b110]);
        assert_eq!(either(&[0b01], &[0b11, 0b10]), [0b01, 0b10]);
        assert!(is_met(&[0b01, 0b110], 0b110) && !is_met(&[0b01, 0b110], 0b100) && is_met(&always(), 0));
    }
}
