//! Files changed a little: by bytes that stand for choices.

use serde_json::{Value, json};

/// Bytes as choices; when they are used up, all are 0.
pub struct Choices<'a>(pub std::slice::Iter<'a, u8>);

impl Choices<'_> {
    pub fn below(&mut self, end: usize) -> usize {
        let next =
            |bytes: &mut std::slice::Iter<'_, u8>| usize::from(bytes.next().copied().unwrap_or_default());
        let number = next(&mut self.0) << 8 | next(&mut self.0);
        number % end.max(1)
    }
}

/// Numbers at the edges of what is counted, as they stand in JSON.
pub const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    3,
    4,
    5,
    16,
    17,
    32,
    65_535,
    65_536,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    u64::MAX - 1,
    u64::MAX,
];
const TEXTS: [&str; 14] = [
    "",
    "r0",
    "r1",
    "r2",
    "r9",
    "r01",
    "c0",
    "c1",
    "COMMIT v0 #1 c0.t1",
    "timer of v0 runs out",
    "crashes and recovers",
    "castro99",
    "executed",
    "agreement",
];

/// How many parts a value has, itself among them.
fn parts(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(parts).sum(),
        Value::Object(fields) => fields.values().map(parts).sum(),
        _ => 0,
    }
}

/// The part with that number: a value comes before what it holds.
fn part<'a>(value: &'a Value, number: &mut usize) -> Option<&'a Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(values) => values.iter().find_map(|value| part(value, number)),
        Value::Object(fields) => fields.values().find_map(|value| part(value, number)),
        _ => None,
    }
}

/// The part with that number, in the order of [`part`].
fn part_mut<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| part_mut(value, number)),
        Value::Object(fields) => fields.values_mut().find_map(|value| part_mut(value, number)),
        _ => None,
    }
}

/// Changes one part: to another part of the file, to a number or a word, or in what it holds.
pub fn change(file: &mut Value, choices: &mut Choices<'_>) {
    let count = parts(file);
    let (mut donor, mut number) = (choices.below(count), choices.below(count));
    let how = choices.below(8);
    let donor = if how == 0 { part(file, &mut donor).cloned() } else { None };
    let Some(part) = part_mut(file, &mut number) else { return };
    match (how, part) {
        (0, part) => *part = donor.unwrap_or_default(),
        (1, part) => *part = json!(NUMBERS[choices.below(NUMBERS.len())]),
        (2, part) => *part = json!(TEXTS[choices.below(TEXTS.len())]),
        (3, part) => *part = Value::Null,
        (4, Value::Array(values)) if !values.is_empty() => drop(values.remove(choices.below(values.len()))),
        (5, Value::Array(values)) if !values.is_empty() => {
            let copy = values[choices.below(values.len())].clone();
            values.insert(choices.below(values.len() + 1), copy);
        }
        (6, Value::Array(values)) if !values.is_empty() => {
            let (a, b) = (choices.below(values.len()), choices.below(values.len()));
            values.swap(a, b);
        }
        (_, Value::Object(fields)) if !fields.is_empty() => {
            let name = fields.keys().nth(choices.below(fields.len())).cloned().unwrap();
            fields.remove(&name);
        }
        (_, Value::Number(old)) => *old = NUMBERS[choices.below(7)].into(),
        // A message in an ITF trace is text.
        (_, Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(mut inner) if inner.is_object() => {
                change(&mut inner, choices);
                *text = inner.to_string();
            }
            _ => *text = TEXTS[choices.below(TEXTS.len())].to_owned(),
        },
        _ => {}
    }
}
