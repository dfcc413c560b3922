//! `bft rules`: the rulebooks that there are.

use clap::Args;
use serde_json::json;

use super::output::{answer, answer_json, head};
use super::{Format, HOLDS, UsageError, look};
use crate::bugs;
use crate::subject::{Catalogue, Pbft};
use crate::table::{Column, Kind, fitted, table};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft rules                   every rulebook, and how it departs from the paper
  bft rules --format json     the same for programs

Exit codes:
  0    always")]
pub(super) struct RulesArguments {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &RulesArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    Ok(match arguments.format {
        Format::Json => {
            let all = catalogue.iter().map(as_json).collect::<Result<Vec<_>, _>>()?;
            let mut out = head("rules", HOLDS);
            out["rules"] = json!(all);
            answer_json(&out, HOLDS)
        }
        Format::Text => answer(&text(catalogue, look::screen()), HOLDS),
    })
}

fn as_json(subject: &Pbft) -> serde_json::Result<serde_json::Value> {
    match bugs::find(subject.name()) {
        Some(rulebook) => serde_json::to_value(rulebook),
        None => Ok(json!({
            "name": subject.name(),
            "breaks": subject.departs(),
            "overrides": subject.overrides(),
        })),
    }
}

fn text(catalogue: &Catalogue, screen: Option<usize>) -> String {
    const COLUMNS: [Column<'_>; 4] = [
        ("name", Kind::Name),
        ("class", Kind::Name),
        ("what it does that the paper's protocol does not", Kind::Prose),
        ("bound of bft check", Kind::Prose),
    ];
    let row = |subject: &Pbft| {
        let (class, breaks) = match bugs::find(subject.name()) {
            Some(rulebook) if rulebook.breaks.is_none() => {
                (rulebook.class.to_string(), "nothing: it is the protocol of the paper")
            }
            Some(rulebook) => (rulebook.class.to_string(), rulebook.breaks.unwrap_or_default()),
            None => ("own".to_owned(), subject.departs().unwrap_or("it does not say")),
        };
        vec![subject.name().to_owned(), class, breaks.to_owned(), subject.scope().to_string()]
    };
    let rows: Vec<_> = catalogue.iter().map(row).collect();
    let mut out = table(&COLUMNS, &rows, screen);
    let below = "\n\nTo check one: bft check --rules NAME. Where the faults were seen: bft bugs\n";
    out.push_str(&fitted(below, screen));
    out
}
