//! The releases that are checked, and how.

/// How a release is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Check,
    Simulate,
}

impl Way {
    /// The command.
    pub fn name(self) -> &'static str {
        match self {
            Way::Check => "check",
            Way::Simulate => "simulate",
        }
    }
}

/// A line of the table, or a few: a command, which is run, and what no run can say of itself.
pub struct Subject {
    pub name: &'static str,
    pub release: &'static str,
    /// The package below `examples/`.
    pub package: &'static str,
    /// What the adapter is told, as the package's command line has it.
    pub adapter: &'static [&'static str],
    /// Whether its runs are searched, or drawn.
    pub way: Way,
    /// What `check` or `simulate` is told besides.
    pub arguments: &'static [&'static str],
    /// What may go wrong in the model.
    pub model: &'static str,
    /// Where it was told in public.
    pub reference: &'static str,
}

const CRASH: &str = "crash faults";
const LIAR: &str = "Byzantine faults, asynchronous";

const fn omnipaxos(release: &'static str, package: &'static str) -> Subject {
    let reference = "https://github.com/haraldng/omnipaxos/pull/112";
    Subject {
        name: "omnipaxos",
        release,
        package,
        adapter: &[],
        way: Way::Check,
        arguments: &[],
        model: CRASH,
        reference,
    }
}

const fn raft(release: &'static str, package: &'static str) -> Subject {
    let reference = "https://github.com/tikv/raft-rs/pull/225";
    Subject {
        name: "raft",
        release,
        package,
        adapter: &[],
        way: Way::Check,
        arguments: &[],
        model: CRASH,
        reference,
    }
}

const fn hbbft(
    release: &'static str,
    package: &'static str,
    adapter: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Subject {
    let reference = "https://github.com/poanetwork/hbbft/pull/394";
    Subject { name: "hbbft", release, package, adapter, way: Way::Check, arguments, model: LIAR, reference }
}

/// Past what can be exhausted.
const fn simulated(subject: Subject) -> Subject {
    Subject { way: Way::Simulate, ..subject }
}

const fn malachite(
    release: &'static str,
    adapter: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Subject {
    let (name, package) = ("malachite", "malachite");
    Subject { name, release, package, adapter, way: Way::Check, arguments, model: LIAR, reference: POLKA }
}

const fn consensus(
    release: &'static str,
    adapter: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Subject {
    let (name, package) = ("malachite-consensus", "malachite-consensus");
    Subject { name, release, package, adapter, way: Way::Check, arguments, model: LIAR, reference: POLKA }
}

/// Two validators, one round, and a log that is read after a crash.
const fn after_a_crash(release: &'static str, adapter: &'static [&'static str]) -> Subject {
    let subject = consensus(release, adapter, &["--crashes", "1", "--network", "fifo"]);
    Subject { model: CRASH, ..subject }
}

const POLKA: &str = "https://github.com/circlefin/malachite/commit/3c9d5e97";

/// All of them.
pub const SUBJECTS: &[Subject] = &[
    omnipaxos("0.1.0", "omnipaxos/0.1.0"),
    omnipaxos("0.2.0", "omnipaxos/0.2.0"),
    omnipaxos("0.2.1", "omnipaxos/0.2.1"),
    omnipaxos("0.2.4", "omnipaxos/0.2.4"),
    raft("0.4.0", "raft/0.4.0"),
    raft("0.4.3", "raft/0.4.3"),
    raft("0.7.0", "raft/0.7.0"),
    simulated(hbbft("0.1.0", "hbbft/0.1.0", &[], &["--byzantine", "n0", "--runs", "100000"])),
    hbbft("0.1.1", "hbbft/0.1.1", &["--says", "nothing"], &["--byzantine", "n0"]),
    hbbft("0.1.1", "hbbft/0.1.1", &[], &["--byzantine", "n0", "--timeout", "120"]),
    malachite("0.5.0", &["--release-under-test", "0.5.0"], &["--byzantine", "n1"]),
    malachite("0.8.2", &[], &[]),
    malachite("0.8.2", &["--rounds", "2"], &["--byzantine", "n1"]),
    consensus("0.5.0", &["--release-under-test", "0.5.0"], &["--byzantine", "n1"]),
    consensus("0.8.2", &[], &[]),
    consensus("0.8.2", &["--rounds", "2", "--values", "2"], &["--byzantine", "n1", "--timeout", "280"]),
    after_a_crash(
        "0.5.0",
        &["--release-under-test", "0.5.0", "--nodes", "2", "--rounds", "1", "--values", "2", "--log", "true"],
    ),
    after_a_crash("0.8.2", &["--nodes", "2", "--rounds", "1", "--values", "2", "--log", "true"]),
];
