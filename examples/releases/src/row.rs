//! A line of the table.

use std::fmt;

use serde_json::Value;

use crate::Failure;
use crate::subjects::{Subject, Way};

/// The first two lines of the table.
pub const HEAD: &str = "\
| subject | release | model | bound | adversary | property | verdict | states | seconds | steps | in public |
|---|---|---|---|---|---|---|---:|---:|---:|---|";

/// How much was looked at.
enum Looked {
    States(u64),
    Runs(u64),
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Looked::States(states) => f.write_str(&thousands(states)),
            Looked::Runs(runs) => write!(f, "{} runs", thousands(runs)),
        }
    }
}

/// What came of one placement of the Byzantine nodes.
pub struct Row {
    subject: &'static str,
    release: &'static str,
    model: String,
    bound: String,
    adversary: String,
    property: String,
    verdict: String,
    looked_at: Looked,
    seconds: f64,
    steps: Option<u64>,
    reference: &'static str,
}

fn text<'a>(from: &'a Value, field: &'static str) -> Result<&'a str, Failure> {
    from[field].as_str().ok_or(Failure::NoField(field))
}

fn number(from: &Value, field: &'static str) -> Result<u64, Failure> {
    from[field].as_u64().ok_or(Failure::NoField(field))
}

fn list<'a>(from: &'a Value, field: &'static str) -> Result<&'a [Value], Failure> {
    from[field].as_array().map(Vec::as_slice).ok_or(Failure::NoField(field))
}

impl Row {
    /// The lines that an answer in JSON makes.
    pub fn all(subject: &Subject, answer: &Value) -> Result<Vec<Row>, Failure> {
        match subject.way {
            Way::Check => list(answer, "rows")?.iter().map(|row| Row::of(subject, answer, row)).collect(),
            Way::Simulate => Ok(vec![Row::drawn(subject, answer)?]),
        }
    }

    /// What came of runs that were drawn.
    fn drawn(subject: &Subject, answer: &Value) -> Result<Row, Failure> {
        let finding = list(answer, "findings")?.first();
        let trace = finding.map(|finding| &finding["trace"]);
        let network = trace.map_or(Ok("as the protocol says"), |trace| text(trace, "network"))?;
        let byzantine = trace.map_or(Ok([].as_slice()), |trace| list(trace, "byzantine"))?;
        let byzantine: Vec<_> = byzantine.iter().map(|node| format!("n{node}")).collect();
        let property = finding.and_then(|finding| finding["property"].as_str());
        let flags = subject.adapter.iter().chain(subject.arguments).copied();
        Ok(Row {
            subject: subject.name,
            release: subject.release,
            model: format!("n = {}, {}, {network}", number(answer, "nodes")?, subject.model),
            bound: std::iter::once(subject.way.name()).chain(flags).collect::<Vec<_>>().join(" "),
            adversary: format!("{}: says any of the alphabet", byzantine.join(",")),
            property: property.unwrap_or("safety").to_owned(),
            verdict: if finding.is_some() { "violated" } else { "no run violates it" }.to_owned(),
            looked_at: Looked::Runs(number(answer, "runs")?),
            seconds: answer["seconds"].as_f64().ok_or(Failure::NoField("seconds"))?,
            steps: trace.map(|trace| list(trace, "steps").map(|steps| steps.len() as u64)).transpose()?,
            reference: subject.reference,
        })
    }

    fn of(subject: &Subject, answer: &Value, row: &Value) -> Result<Row, Failure> {
        let bound = list(answer, "bound")?.iter().filter_map(Value::as_str);
        let flags = subject.adapter.iter().chain(subject.arguments).copied();
        let network = text(row, "network")?;
        let bound = flags.chain(bound).collect::<Vec<_>>().join(" ");
        Ok(Row {
            subject: subject.name,
            release: subject.release,
            model: format!("n = {}, {}, {network}", number(answer, "nodes")?, subject.model),
            bound,
            adversary: text(row, "adversary")?.to_owned(),
            property: row["property"].as_str().map_or_else(|| text(row, "asked"), Ok)?.to_owned(),
            verdict: match (text(row, "verdict")?, row["why"].as_str()) {
                (verdict, None) => verdict.to_owned(),
                (verdict, Some(why)) => format!("{verdict}: {why}"),
            },
            looked_at: Looked::States(number(row, "states")?),
            seconds: row["seconds"].as_f64().ok_or(Failure::NoField("seconds"))?,
            steps: row["steps"].as_u64(),
            reference: subject.reference,
        })
    }
}

/// Whether the run that violates something is in the answer.
pub fn is_violated(subject: &Subject, answer: &Value) -> Result<bool, Failure> {
    if subject.way == Way::Simulate {
        return Ok(!list(answer, "findings")?.is_empty());
    }
    Ok(list(answer, "rows")?.iter().any(|row| row["verdict"] == "violated"))
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        for text in [self.subject, self.release, &self.model, &self.bound, &self.adversary, &self.property] {
            write!(f, "| {} ", cell(text))?;
        }
        let steps = self.steps.map_or_else(String::new, |steps| steps.to_string());
        let reference = self.reference.rsplit('/').next().unwrap_or_default();
        write!(f, "| {} | {} | {:.1} ", cell(&self.verdict), self.looked_at, self.seconds)?;
        write!(f, "| {steps} | [{reference}]({}) |", self.reference)
    }
}

/// A number with a comma after each three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
