//! Flags of a protocol's own, such as its rounds and values.

use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

/// A flag of a protocol's own, with a value.
#[derive(Clone, Debug)]
pub struct Flag {
    name: &'static str,
    default: String,
    help: &'static str,
    range: Option<RangeInclusive<u64>>,
}

impl Flag {
    /// The flag `--name`, what it is unless it is given, and what it is for.
    pub fn new(name: &'static str, default: impl ToString, help: &'static str) -> Self {
        Flag { name, default: default.to_string(), help, range: None }
    }

    /// Takes whole numbers from one to another only. Its help says so, and what is given beyond them is refused.
    pub fn within(self, range: RangeInclusive<u64>) -> Self {
        Flag { range: Some(range), ..self }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether it takes a value.
    ///
    /// # Errors
    /// What it takes.
    pub(super) fn takes(&self, value: &str) -> Result<(), String> {
        match &self.range {
            Some(range) if !value.parse().is_ok_and(|number| range.contains(&number)) => {
                Err(format!("it is a number from {} to {}", range.start(), range.end()))
            }
            _ => Ok(()),
        }
    }

    fn argument(&self) -> Arg {
        let flag = self.clone();
        let Flag { name, default, help, range } = self.clone();
        // Values are borrowed for ever, and there are few.
        let argument =
            Arg::new(name).long(name).value_name("VALUE").default_value(&*default.leak()).global(true);
        let Some(range) = range else { return argument.help(help) };
        let help = format!("{help}, from {} to {}", range.start(), range.end());
        argument.help(help).value_parser(move |given: &str| flag.takes(given).map(|()| given.to_owned()))
    }
}

/// What the flags of a protocol's own are in a command.
#[derive(Clone, Copy, Debug)]
pub struct Flags<'a> {
    matches: &'a ArgMatches,
    /// What those are that were not given, if that is known from elsewhere.
    otherwise: &'a [(String, String)],
}

impl<'a> Flags<'a> {
    pub(super) fn of(matches: &'a ArgMatches) -> Self {
        Flags { matches, otherwise: &[] }
    }

    /// These flags; those that were not given have the values from elsewhere.
    pub(super) fn or_else(self, otherwise: &'a [(String, String)]) -> Self {
        Flags { otherwise, ..self }
    }

    /// All of these flags, each with its value as it was given.
    pub(super) fn all(&self, flags: &[Flag]) -> Vec<(String, String)> {
        let value = |flag: &Flag| Some((flag.name.to_owned(), self.get(flag.name).ok()?));
        flags.iter().filter_map(value).collect()
    }

    /// The value of a flag.
    ///
    /// # Errors
    /// It is no such value; or there is no such flag.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let given = self.matches.try_get_one::<String>(name).ok().flatten();
        let given = given.ok_or_else(|| format!("there is no flag --{name}"))?;
        let is_said = self.matches.value_source(name) == Some(ValueSource::CommandLine);
        let otherwise = self.otherwise.iter().find(|(known, _)| known == name && !is_said);
        let given = otherwise.map_or(given, |(_, value)| value);
        given.parse().map_err(|_| format!("--{name} {given}: no such value"))
    }
}

/// The command with these flags, in each of its subcommands.
pub(super) fn with_flags(command: Command, flags: &[Flag]) -> Result<Command, String> {
    for flag in flags {
        let is_taken = |command: &Command| {
            command
                .get_arguments()
                .any(|known| known.get_long() == Some(flag.name) || known.get_id() == flag.name)
        };
        if is_taken(&command) || command.get_subcommands().any(is_taken) {
            return Err(format!(
                "--{} is a flag of every protocol: call that of this one otherwise",
                flag.name
            ));
        }
    }
    Ok(command.args(flags.iter().map(Flag::argument)))
}
