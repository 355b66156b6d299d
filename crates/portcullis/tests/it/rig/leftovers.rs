//! Processes that a test left behind in its folder.

use std::path::Path;
use std::process::Command;

/// The ids of all processes that run in `folder`, or have it in their command line.
pub(crate) fn processes_in(folder: &Path) -> Vec<u32> {
    let name = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_inside = |id: &u32| {
        let place = Path::new("/proc").join(id.to_string());
        let works_there =
            std::fs::read_link(place.join("cwd")).is_ok_and(|at| at.starts_with(folder));
        let line = std::fs::read(place.join("cmdline")).unwrap_or_default();
        works_there || String::from_utf8_lossy(&line).contains(&name)
    };
    ids.filter(|id| *id != std::process::id())
        .filter(is_inside)
        .collect()
}

/// Sends a signal to a process, which may be gone already.
pub(crate) fn signal(signal: &str, id: u32) {
    let sent = Command::new("kill")
        .args([signal, &id.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
    sent.unwrap();
}

/// Kills everything that still runs in `folder`.
pub(crate) fn kill_all_in(folder: &Path) {
    for _ in 0..20 {
        let left = processes_in(folder);
        if left.is_empty() {
            return;
        }
        for id in left {
            signal("-KILL", id);
        }
    }
}
