//! The arguments of a check that several processes share, and the processes that are started here.

use std::path::PathBuf;

use clap::Args;

use super::UsageError;

/// The most processes that are started on one machine.
const MOST_HERE: u64 = 64;

#[derive(Clone, Debug, Args)]
pub(super) struct ProcessArguments {
    /// Share the check with so many processes in all, up to 256; each is started with the same arguments, but for --process
    /// [default: one process alone]
    #[arg(long, value_name = "N", requires = "process", value_parser = clap::value_parser!(u64).range(1..=256))]
    processes: Option<u64>,
    /// Which of these processes this one is, from 0 on; process 0 prints the answer and writes the files
    #[arg(long, value_name = "I", requires = "processes")]
    process: Option<u64>,
    /// Where the processes are: a line HOST:PORT for each, in their order [default: ports 2101 and up of this machine]
    #[arg(long, value_name = "FILE", requires = "processes")]
    hosts: Option<PathBuf>,
    /// Share the check with so many processes on this machine, up to 64, this one among them; the others are started and ended
    /// here [default: one process alone]
    #[arg(long, value_name = "N", conflicts_with = "processes", value_parser = clap::value_parser!(u64).range(1..=MOST_HERE))]
    local: Option<u64>,
    /// Give the check up when nothing is heard of another process for so many seconds, from 1 to 86400 [default: 15]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: Option<u64>,
    /// Keep the processes' shares of the states in this folder after each level; where it holds shares of the same check, go on from
    /// there [default: keep nothing]
    #[arg(long, value_name = "FOLDER")]
    shards: Option<PathBuf>,
}

impl ProcessArguments {
    /// The flag that was given, if one was that has several processes share the check.
    fn given(&self) -> Option<&'static str> {
        match (self.processes, self.local) {
            (Some(_), _) => Some("--processes"),
            (_, Some(_)) => Some("--local"),
            _ => None,
        }
    }

    /// Whether this process is one that answers.
    pub fn answers(&self) -> bool {
        self.process.is_none_or(|process| process == 0)
    }

    /// That something was given that does nothing, or cannot be done.
    pub fn refused(&self) -> Result<(), UsageError> {
        match self.given() {
            None if self.patience.is_some() || self.shards.is_some() => {
                let flag = if self.patience.is_some() { "--patience" } else { "--shards" };
                Err(UsageError(format!(
                    "{flag} is about several processes, and there is one: add --local or --processes, or leave it out"
                )))
            }
            Some(flag) if !cfg!(feature = "distributed") => Err(UsageError(format!(
                "{flag}: this program was built without the feature 'distributed', which several processes need: build it with \
                 cargo install bft-check --features distributed"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "distributed")]
mod shared {
    use std::ffi::OsString;
    use std::io::Read as _;
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use tempfile::TempDir;

    use super::super::output::{complain, say};
    use super::{ProcessArguments, UsageError};
    use crate::check::Check;
    use crate::check::distributed::Peers;

    /// How long it is waited until processes have ended that are done.
    const TO_END: Duration = Duration::from_secs(5);

    impl ProcessArguments {
        /// The check, shared with the processes that were named, or are started now. They end when what is returned is dropped.
        pub fn given_to(
            &self,
            check: Check,
            memory: Option<u64>,
        ) -> Result<(Check, Option<Group>), UsageError> {
            let with_all = |peers: Peers| {
                let seconds = self.patience.map(Duration::from_secs);
                let peers = seconds.into_iter().fold(peers, Peers::patience);
                self.shards.iter().fold(peers, |peers, folder| peers.shards(folder))
            };
            if let Some(processes) = self.local {
                check.is_shared()?;
                let processes = processes as usize;
                let each = memory.or_else(crate::memory::by_default).map(|bytes| bytes / processes as u64);
                let (group, peers) = Group::start(processes, each)?;
                let check = each.into_iter().fold(check, Check::max_memory);
                return Ok((check.shared(with_all(peers)), Some(group)));
            }
            let (Some(processes), Some(own)) = (self.processes, self.process) else {
                return Ok((check, None));
            };
            let peers = Peers::here(processes as usize, own as usize)?;
            let peers = match &self.hosts {
                Some(path) => peers.listed(path)?,
                None => peers,
            };
            let reachable: Vec<_> = peers.reachable().collect();
            if !reachable.is_empty() {
                say(&format!(
                    "The links between the processes are neither encrypted nor authenticated: whoever can reach {} can read \
                     and forge what they say.",
                    reachable.join(", ")
                ));
            }
            Ok((check.shared(with_all(peers)), None))
        }
    }

    /// The other processes of a check on one machine, which end with it.
    pub(in super::super) struct Group {
        children: Vec<Child>,
        /// Where the file is that says where they are.
        _folder: TempDir,
    }

    impl Group {
        /// Starts all processes but this one, with the arguments of this one.
        fn start(processes: usize, memory: Option<u64>) -> Result<(Group, Peers), UsageError> {
            let places = free_places(processes)?;
            let folder = tempfile::tempdir()?;
            let hosts = folder.path().join("hosts");
            std::fs::write(&hosts, places.join("\n"))?;
            let program = std::env::current_exe()?;
            let arguments = without(&["--local", "--memory"], std::env::args_os().skip(1));
            let mut group = Group { children: Vec::new(), _folder: folder };
            for own in 1..processes {
                let mut command = Command::new(&program);
                command.args(&arguments).args(["--processes", &processes.to_string()]);
                command.args(["--process", &own.to_string()]).arg("--hosts").arg(&hosts);
                if let Some(bytes) = memory {
                    command.args(["--memory", &(bytes >> 20).max(1).to_string()]);
                }
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
                group.children.push(command.spawn()?);
            }
            Ok((group, Peers::here(processes, 0)?.at(places)?))
        }

        /// Says what the others have complained of, for who has found that one was missing.
        pub fn complaints(&mut self) {
            for child in &mut self.children {
                let _ = child.kill();
                let mut text = String::new();
                if let Some(mut said) = child.stderr.take()
                    && said.read_to_string(&mut text).is_ok()
                    && !text.trim().is_empty()
                {
                    complain(text.trim().trim_start_matches("error: "));
                }
            }
        }

        /// Waits until those have ended that are done.
        pub fn end(&mut self) {
            let until = Instant::now() + TO_END;
            for child in &mut self.children {
                while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    impl Drop for Group {
        fn drop(&mut self) {
            for child in &mut self.children {
                // Those that have ended need not be.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }

    /// Places of this machine at which nobody listens.
    fn free_places(count: usize) -> std::io::Result<Vec<String>> {
        let listeners = (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0"));
        let listeners = listeners.collect::<std::io::Result<Vec<_>>>()?;
        listeners.iter().map(|listener| Ok(listener.local_addr()?.to_string())).collect()
    }

    /// These arguments without some that have a value each.
    fn without(flags: &[&str], arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
        let (mut kept, mut is_value) = (Vec::new(), false);
        for argument in arguments {
            let text = argument.to_string_lossy();
            let is_with_value =
                flags.iter().any(|flag| text.strip_prefix(flag).is_some_and(|it| it.starts_with('=')));
            let is_flag = flags.iter().any(|flag| *flag == text);
            if !is_value && !is_flag && !is_with_value {
                kept.push(argument);
                continue;
            }
            is_value = !is_value && is_flag;
        }
        kept
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_for_this_process_alone_is_not_handed_on() {
            let kept = |line: &str| {
                let words = line.split_whitespace().map(OsString::from);
                let kept = without(&["--local", "--memory"], words);
                kept.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(kept("check --local 4 --views 1"), "check --views 1");
            assert_eq!(kept("check --views 1 --local=4 --memory=7"), "check --views 1");
            assert_eq!(kept("check --memory 7 --local 2"), "check");
            assert_eq!(kept("check --localize 3"), "check --localize 3");
        }
    }
}

#[cfg(all(test, not(feature = "distributed")))]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_it_is_named() {
        let none = ProcessArguments {
            processes: None,
            process: None,
            hosts: None,
            local: None,
            patience: None,
            shards: None,
        };
        assert!(none.refused().is_ok());
        for given in [
            ProcessArguments { local: Some(2), ..none.clone() },
            ProcessArguments { processes: Some(2), process: Some(0), ..none },
        ] {
            assert!(given.refused().is_err_and(|UsageError(why)| why.contains("distributed")));
        }
    }
}
