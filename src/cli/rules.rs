//! `bft rules`: the rulebooks that there are.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};

use super::{Format, HOLDS, UsageError};
use crate::bugs::RULEBOOKS;

#[derive(Debug, Args)]
pub(super) struct RulesArguments {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &RulesArguments) -> Result<u8, UsageError> {
    match arguments.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(RULEBOOKS)?),
        Format::Text => print!("{}", text()),
    }
    Ok(HOLDS)
}

fn text() -> String {
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
    for rulebook in RULEBOOKS {
        table.add_row([
            rulebook.name.to_owned(),
            rulebook.class.to_string(),
            rulebook.breaks.unwrap_or("nothing: it is the protocol of the paper").to_owned(),
            rulebook.smallest().to_string(),
        ]);
    }
    let mut out = table.trim_fmt();
    out.push_str("\n\nTo check one: bft check --rules NAME. Where the faults were seen: bft bugs\n");
    out
}
