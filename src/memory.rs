//! How much a process takes of a machine: memory, what the machine has or less if its control group may have less, and threads.

use std::fs;
use std::path::{Path, PathBuf};

/// The most threads that a run takes.
pub(crate) const MOST_THREADS: usize = 1024;

/// Of all that the process may have a run takes so many hundredths unless it is told otherwise. The rest is for what else is
/// there, and for what a run still asks for while it ends.
const SHARE: u64 = 80;

/// The most memory that the runs of a process take unless they are told otherwise, in bytes. None if the system does not say
/// how much there is.
pub(crate) fn by_default() -> Option<u64> {
    allowed(Path::new("/")).map(|bytes| bytes / 100 * SHARE)
}

/// The least of what the machine has and what every control group of the process may have.
fn allowed(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| total(&text));
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| files(root, line)).flatten();
    let limits = limits.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    machine.into_iter().chain(limits).min()
}

/// What `/proc/meminfo` says that the machine has, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The files that limit a control group, named by a line of `/proc/self/cgroup`, and those above it: of version 2, where the
/// line begins with `0::`, or of the memory controller of version 1. A group without a limit says `max`, or a number
/// that no machine has.
fn files(root: &Path, line: &str) -> Option<Vec<PathBuf>> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let groups = Path::new(group.trim_start_matches('/')).ancestors();
    Some(groups.map(|group| root.join(mount).join(group).join(file)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system of these files.
    struct Root(PathBuf);

    impl Root {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("bft-memory-{name}-{}", std::process::id()));
            for (file, content) in files {
                let file = root.join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, content).unwrap();
            }
            Root(root)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:  1 kB\n");

    #[test]
    fn the_least_of_machine_and_control_groups_counts() {
        assert_eq!(allowed(&Root::with("bare", &[MACHINE]).0), Some(16_000_000 << 10));
        assert_eq!(allowed(&Root::with("nothing", &[("proc/other", "")]).0), None);
        let two = Root::with(
            "two",
            &[
                MACHINE,
                ("proc/self/cgroup", "0::/outer/inner\n"),
                ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
                ("sys/fs/cgroup/outer/memory.max", "2000000000\n"),
            ],
        );
        assert_eq!(allowed(&two.0), Some(2_000_000_000));
        let one = Root::with(
            "one",
            &[
                MACHINE,
                ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n"),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1000000000\n"),
                ("sys/fs/cgroup/memory.max", "7\n"),
            ],
        );
        assert_eq!(allowed(&one.0), Some(1_000_000_000));
        // In a container the group is seen as the root.
        let inside = Root::with(
            "inside",
            &[MACHINE, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "500000000\n")],
        );
        assert_eq!(allowed(&inside.0), Some(500_000_000));
    }

    #[test]
    fn a_run_leaves_some_of_it() {
        assert_eq!(total("MemTotal: x kB"), None);
        if let (Some(all), Some(most)) = (allowed(Path::new("/")), by_default()) {
            assert!(most < all && most > all / 2, "{most} of {all}");
        }
    }
}
