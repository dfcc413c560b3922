//! The releases that are checked, and how.

/// A line of the table, or a few: a command, which is run, and what no run can say of itself.
pub struct Subject {
    pub name: &'static str,
    pub release: &'static str,
    /// The package below `examples/`.
    pub package: &'static str,
    /// What is checked, as the package's command line has it.
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
    Subject { name: "omnipaxos", release, package, arguments: &["check"], model: CRASH, reference }
}

const fn raft(release: &'static str, package: &'static str) -> Subject {
    let reference = "https://github.com/tikv/raft-rs/pull/225";
    Subject { name: "raft", release, package, arguments: &["check"], model: CRASH, reference }
}

const fn malachite(release: &'static str, arguments: &'static [&'static str]) -> Subject {
    let reference = "https://github.com/circlefin/malachite/commit/3c9d5e97";
    Subject { name: "malachite", release, package: "malachite", arguments, model: LIAR, reference }
}

/// All of them.
pub const SUBJECTS: &[Subject] = &[
    omnipaxos("0.1.0", "omnipaxos/0.1.0"),
    omnipaxos("0.2.0", "omnipaxos/0.2.0"),
    omnipaxos("0.2.1", "omnipaxos/0.2.1"),
    omnipaxos("0.2.4", "omnipaxos/0.2.4"),
    raft("0.4.0", "raft/0.4.0"),
    raft("0.4.3", "raft/0.4.3"),
    raft("0.7.0", "raft/0.7.0"),
    malachite("0.5.0", &["check", "--release-under-test", "0.5.0"]),
    malachite("0.8.2", &["check", "--release-under-test", "0.8.2"]),
];
