//! `bft rules`: the rulebooks that there are.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::{Format, HOLDS, UsageError};
use crate::bugs;
use crate::subject::{Catalogue, Pbft};

#[derive(Debug, Args)]
pub(super) struct RulesArguments {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &RulesArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    match arguments.format {
        Format::Json => {
            let all = catalogue.iter().map(as_json).collect::<Result<Vec<_>, _>>()?;
            println!("{}", serde_json::to_string_pretty(&all)?);
        }
        Format::Text => print!("{}", text(catalogue)),
    }
    Ok(HOLDS)
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

fn text(catalogue: &Catalogue) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header([
        "name",
        "class",
        "what it does that the paper's protocol does not",
        "bound of bft check",
    ]);
    if table.width().is_none() {
        table.set_width(160);
    }
    for subject in catalogue {
        let (class, breaks) = match bugs::find(subject.name()) {
            Some(rulebook) if rulebook.breaks.is_none() => {
                (rulebook.class.to_string(), "nothing: it is the protocol of the paper")
            }
            Some(rulebook) => (rulebook.class.to_string(), rulebook.breaks.unwrap_or_default()),
            None => ("own".to_owned(), subject.departs().unwrap_or("it does not say")),
        };
        table.add_row([subject.name(), &class, breaks, &subject.scope().to_string()]);
    }
    let mut out = table.trim_fmt();
    out.push_str("\n\nTo check one: bft check --rules NAME. Where the faults were seen: bft bugs\n");
    out
}
