//! Lanes: a column for each who takes part, an arrow for each message that arrives.

use super::lane;
use crate::engine::{Happening, Kind, Place};

/// The width of a lane.
const WIDTH: usize = 6;
/// The width of the steps' numbers.
const NUMBER: usize = 4;

/// The names above the lanes.
pub(super) fn header(places: &[Place]) -> String {
    let names: String = places.iter().map(|place| format!("{:<WIDTH$}", place.to_string())).collect();
    format!("{:NUMBER$}  {}", "", names.trim_end())
}

/// What stands left of the words, without arrows.
pub(super) fn margin(places: &[Place]) -> String {
    let lanes: String = places.iter().map(|_| format!("{:<WIDTH$}", "│")).collect();
    format!("{:NUMBER$}  {lanes}", "")
}

/// A step with its number, its arrow and its words.
pub(super) fn row(places: &[Place], number: usize, step: &Happening) -> String {
    let to = places.iter().position(|place| place.to_string() == step.at).unwrap_or_default();
    let from = step.from.map(|from| lane(places, from)).filter(|from| *from != to);
    let mut cells: Vec<char> = margin(places).chars().skip(NUMBER + 2).collect();
    let [start, end] = [from.unwrap_or(to) * WIDTH, to * WIDTH];
    let line = match step.kind {
        Kind::Cut => '╳',
        Kind::Loss => '┄',
        _ => '─',
    };
    for cell in cells.iter_mut().take(start.max(end)).skip(start.min(end)) {
        *cell = line;
    }
    let head = match (step.kind, start < end, from) {
        (Kind::Cut | Kind::Loss | Kind::Crash, ..) => '╳',
        (_, _, None) => '◆',
        (_, true, _) => '▶',
        (_, false, _) => '◀',
    };
    if let Some(cell) = cells.get_mut(start) {
        *cell = if step.kind == Kind::Cut { '╳' } else { '●' };
    }
    if let Some(cell) = cells.get_mut(end) {
        *cell = head;
    }
    let cells: String = cells.into_iter().collect();
    let words = match step.kind {
        Kind::Message | Kind::Cut | Kind::Event | Kind::Crash => step.words.clone(),
        Kind::Loss => format!("lost: {}", step.words),
        Kind::Timer => format!("timer: {}", step.words),
    };
    let who = match (step.kind, step.from) {
        (Kind::Message | Kind::Loss, Some(from)) => format!("{from} → {}: ", step.at),
        (Kind::Cut, _) => String::new(),
        _ => format!("{}: ", step.at),
    };
    format!("{number:>NUMBER$}  {cells}{who}{words}\n")
}
