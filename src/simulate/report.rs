//! What came of a campaign, as a person reads it.

use std::fmt::{self, Write as _};

use super::campaign::Report;
use super::settings::Settings;
use crate::model::{Load, Store};
use crate::trace::{count, thousands};

impl Report {
    /// The arguments that draw a seed again, as far as they are not what they are without.
    pub(crate) fn command(&self, seed: u64) -> String {
        let settings = &self.settings;
        let base = Settings::new(&settings.rules, settings.scope.replicas);
        let (scope, load) = (settings.scope, settings.scope.load.unwrap_or_default());
        let mut out = format!("bft simulate --seed {seed} --runs 1 --rules {}", settings.rules);
        let mut add = |differs: bool, name: &str, value: &dyn std::fmt::Display| {
            if differs {
                let _ = write!(out, " --{name} {value}");
            }
        };
        add(true, "replicas", &scope.replicas);
        add(scope.faults != base.scope.faults, "faults", &scope.faults);
        let ids = settings.placed.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(",");
        add(settings.placed.is_some(), "byzantine", &ids);
        add(
            settings.placed.is_none() && settings.byzantine != scope.faults,
            "byzantine",
            &settings.byzantine,
        );
        add(true, "strategy", &settings.strategy);
        add(true, "scheduler", &settings.scheduler);
        add(settings.depth != base.depth, "depth", &settings.depth);
        add(scope.requests != base.scope.requests, "clients", &scope.requests);
        add(load.operations != Load::default().operations, "requests", &load.operations);
        add(load.batch != Load::default().batch, "batch", &load.batch);
        add(load.in_flight != Load::default().in_flight, "in-flight", &load.in_flight);
        let interval = scope.checkpoint.unwrap_or(128);
        add(scope.checkpoint != base.scope.checkpoint, "checkpoint", &interval);
        let window = scope.window.unwrap_or(2 * interval);
        add(window != 2 * interval, "window", &window);
        add(scope.crashes != base.scope.crashes, "crashes", &scope.crashes);
        add(settings.steps != base.steps, "steps", &settings.steps);
        for (name, value) in
            [("drop", settings.drop), ("duplicate", settings.duplicate), ("partitions", settings.partitions)]
        {
            add(value.is_some(), name, &value.unwrap_or(0));
        }
        add(settings.stable_at.is_some(), "stable-at", &settings.stable_at.unwrap_or(0));
        if let Some(property) = settings.property {
            add(true, "property", &property);
        }
        if scope.store == Store::LosesLast {
            out.push_str(" --lossy-store");
        }
        out
    }

    /// The seeds that were run, in words.
    pub(crate) fn seeds_in_words(&self) -> String {
        let seeds: Vec<_> = self.seeds.iter().map(|(from, to)| format!("{from}..{to}")).collect();
        if seeds.is_empty() { "none".to_owned() } else { seeds.join(", ") }
    }

    /// What happened in all runs.
    fn counted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "{}, {}, {} delivered and {} lost, {} sent by Byzantine replicas, in {:.1} s\n\
             {} answered, {}, {} entered, {} stable, {} taken over, {}",
            count(self.runs(), "run", "runs"),
            count(counts.steps, "step", "steps"),
            count(counts.delivered, "message", "messages"),
            thousands(counts.lost),
            thousands(counts.byzantine),
            self.seconds,
            count(counts.answered, "request", "requests"),
            count(counts.blocks, "block", "blocks"),
            count(counts.view_changes, "new view", "new views"),
            count(counts.checkpoints, "checkpoint", "checkpoints"),
            count(counts.transfers, "state", "states"),
            count(counts.crashes, "crash", "crashes"),
        )
    }

    /// What was found, and how it is seen again.
    fn found(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs();
        let Some(first) = self.findings.first() else {
            let runs = count(runs, "run", "runs");
            return match self.uncovered() {
                None => writeln!(
                    f,
                    "No violation in {runs}. That says nothing of other runs: only bft check is exhaustive."
                ),
                Some(why) => writeln!(f, "Not exhausted: {why}. In {runs} nothing is violated."),
            };
        };
        writeln!(f, "\nVIOLATED in {} of {}.", self.findings.len(), count(runs, "run", "runs"))?;
        for finding in self.findings.iter().take(10) {
            let steps = count(finding.steps, "step", "steps");
            writeln!(f, "  seed {}: {}, after {steps}", finding.seed, finding.property)?;
        }
        writeln!(f, "Seed {}: {}\nTo see it again:\n  {}", first.seed, first.what, self.command(first.seed))?;
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        let who = match &settings.placed {
            Some(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            None => format!("any {}", settings.byzantine),
        };
        write!(
            f,
            "Rules: {}\n{}; Byzantine: {who}, {}; scheduler: {}; seeds {}\n\n",
            settings.rules,
            settings.scope,
            settings.strategy,
            settings.scheduler,
            self.seeds_in_words()
        )?;
        self.counted(f)?;
        if self.cut_off > 0 {
            writeln!(
                f,
                "{} cut off by --steps {}: what would have come is not known.",
                count(self.cut_off, "run was", "runs were"),
                thousands(settings.steps)
            )?;
        }
        if let Some(what) = &self.stopped {
            writeln!(f, "Not all seeds were run: {what} ended it.")?;
        }
        if settings.byzantine > settings.scope.faults {
            f.write_str("More replicas are Byzantine than f: the protocol promises nothing there.\n")?;
        }
        self.found(f)
    }
}
