//! CPU time and memory of processes, from `/proc`.

use std::fs;

/// Ticks per second of `/proc/<pid>/stat` on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of this process in microseconds; 0 when it has ended.
pub fn of_process(pid: u32) -> u64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
    // The second field is the name in parentheses, which may contain spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    ticks * 1_000_000 / TICKS_PER_SECOND
}

/// CPU time of a process and its children in microseconds, such as Postgres and its backends.
pub fn of_tree(root: u32) -> u64 {
    let children = processes().filter(|pid| parent(*pid) == Some(root));
    of_process(root) + children.map(of_process).sum::<u64>() + waited_for_children(root)
}

/// CPU time of children that have ended, in microseconds.
fn waited_for_children(pid: u32) -> u64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_ascii_whitespace().skip(13).take(2);
    ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 1_000_000 / TICKS_PER_SECOND
}

/// Resident memory of a process in bytes, without pages that it shares with files.
pub fn memory_of(pid: u32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// The id of the first process whose command line contains `text`.
pub fn find_root(text: &str) -> Option<u32> {
    processes().find(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(text)
    })
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}
