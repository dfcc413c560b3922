//! How much a process takes of a machine: memory, what the machine has or less if its control group may have less, and threads.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use self::growing::before;

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

/// Tables that take twice as much when they are full, all of it at once.
mod growing {
    use std::collections::HashMap;

    use indexmap::IndexSet;

    use crate::interrupt;

    /// Less than that is not asked for.
    const LITTLE: u64 = 1 << 20;
    /// So many may be taken in between two questions.
    const NEAR: usize = 64;

    /// A table that grows.
    pub(crate) trait Growing {
        /// The bytes that it asks for when it takes in a few more.
        fn asks_for(&self) -> u64;
    }

    /// The bytes of a hash table that is nearly full, and grows: twice the slots that it has, of which seven eighths are used,
    /// each with a byte beside it.
    fn doubled(len: usize, capacity: usize, slot: usize) -> u64 {
        let slots = 2 * (capacity as u64 / 7 * 8);
        if len + NEAR < capacity { 0 } else { slots * (slot as u64 + 1) }
    }

    impl<K, V, S> Growing for HashMap<K, V, S> {
        fn asks_for(&self) -> u64 {
            doubled(self.len(), self.capacity(), size_of::<(K, V)>())
        }
    }

    /// Its elements stand in a list that grows without being copied; the slots hold their places.
    impl<T, S> Growing for IndexSet<T, S> {
        fn asks_for(&self) -> u64 {
            doubled(self.len(), self.capacity(), size_of::<usize>())
        }
    }

    /// Before a table may take in a few more: gives up the work at hand if the process would hold more than it may then.
    pub(crate) fn before(table: &impl Growing) {
        let more = table.asks_for();
        if more >= LITTLE {
            interrupt::ask_for(more);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::sync::atomic::AtomicBool;

        use rustc_hash::FxHashMap;

        use super::*;
        use crate::interrupt::{Allowance, overseen};

        #[test]
        fn a_table_asks_for_twice_its_size_when_it_is_nearly_full_and_only_then() {
            let mut table: FxHashMap<u64, [u64; 11]> = FxHashMap::default();
            let (mut full, mut before_it) = (0, 0);
            for number in 0..100_000 {
                let (capacity, more) = (table.capacity(), table.asks_for());
                table.insert(number, [number; 11]);
                // Small tables have other shares of their slots in use, and are not asked for.
                if capacity < 2 * NEAR {
                    continue;
                }
                assert!(more > 0 || table.capacity() == capacity, "at {number}");
                assert_eq!(more > 0, table.len() > capacity.saturating_sub(NEAR), "at {number}");
                if table.capacity() > capacity {
                    (full, before_it) = (table.capacity(), more);
                }
            }
            let slots = full as u64 / 7 * 8;
            assert_eq!(before_it, slots * (96 + 1));
        }

        /// One that asks for so much.
        struct Full(u64);

        impl Growing for Full {
            fn asks_for(&self) -> u64 {
                self.0
            }
        }

        /// A table that would take the process beyond its limit does not grow.
        #[test]
        fn work_is_given_up_before_a_table_grows_beyond_the_limit() {
            let never = AtomicBool::new(false);
            let held = memory_stats::memory_stats().map_or(0, |held| held.physical_mem as u64);
            let most = Some(held + (1 << 30));
            let allowance = Allowance { timeout: None, deadline: None, max_memory: most, stop: &never };
            assert!(overseen(&allowance, || before(&Full(1 << 20))).is_ok());
            assert!(overseen(&allowance, || before(&Full(2 << 30))).is_err());
        }
    }
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
