use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

fn log(to: AccessLogPlace, sample: u32) -> AccessLog {
    AccessLog::start(&config(to, sample), 2).expect("a log")
}

fn config(to: AccessLogPlace, sample: u32) -> AccessLogConfig {
    AccessLogConfig {
        to,
        sample,
        paths: portcullis_config::LoggedPaths::Masked,
    }
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    (folder, path)
}

fn line(path: &str) -> AccessLine<'_> {
    AccessLine {
        method: "GET",
        path,
        ..AccessLine::default()
    }
}

fn paths(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("the file");
    let path = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        value["path"].as_str().expect("a path").to_owned()
    };
    text.lines().map(path).collect()
}

/// Waits until something is true, for ten seconds at most.
fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if is_true() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never: {what}");
}

#[test]
fn what_was_written_is_in_the_file_when_the_log_is_closed() {
    let (_folder, path) = file();
    let log = log(AccessLogPlace::File(path.clone()), 1);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..500 {
                    log.write(worker, &line(&format!("/{worker}/{number}")));
                }
            });
        }
    });
    assert_eq!(log.dropped(), 0);
    drop(log);
    let paths = paths(&path);
    assert_eq!(paths.len(), 1000);
    let first: Vec<_> = paths
        .iter()
        .filter(|path| path.starts_with("/0/"))
        .collect();
    assert!(
        (0..500).eq(first
            .iter()
            .map(|path| path[3..].parse::<i32>().expect("a number")))
    );
    let mode = std::fs::metadata(&path)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn lines_are_written_soon_without_being_asked_for() {
    let (_folder, path) = file();
    let log = log(AccessLogPlace::File(path.clone()), 1);
    log.write(0, &line("/x"));
    wait_for("the line", || paths(&path) == ["/x"]);
}

#[test]
fn after_a_rotation_the_new_file_is_written() {
    let (folder, path) = file();
    let log = log(AccessLogPlace::File(path.clone()), 1);
    log.write(0, &line("/before"));
    let rotated = folder.path().join("access.log.1");
    std::fs::rename(&path, &rotated).expect("renamed");
    log.reopen();
    wait_for("the new file", || path.exists());
    log.write(0, &line("/after"));
    drop(log);
    assert_eq!(paths(&rotated), ["/before"]);
    assert_eq!(paths(&path), ["/after"]);
}

#[test]
fn when_the_new_file_cannot_be_opened_the_old_one_is_written_on() {
    let (folder, path) = file();
    let log = log(AccessLogPlace::File(path.clone()), 1);
    let rotated = folder.path().join("access.log.1");
    std::fs::rename(&path, &rotated).expect("renamed");
    std::fs::create_dir(&path).expect("a folder in its place");
    log.reopen();
    log.write(0, &line("/on"));
    drop(log);
    assert_eq!(paths(&rotated), ["/on"]);
}

#[test]
fn one_in_so_many_is_written_and_every_error() {
    let (_folder, path) = file();
    let log = log(AccessLogPlace::File(path), 10);
    assert_eq!((0..100).filter(|_| log.wants(0, false)).count(), 10);
    assert_eq!((0..100).filter(|_| log.wants(1, true)).count(), 100);
    let off = super::AccessLog::start(&config(AccessLogPlace::Off, 1), 1);
    assert!(!off.expect("a log").wants(0, true));
}

#[test]
fn a_full_buffer_drops_and_counts_and_never_waits() {
    // A log whose writer does not come: what a disk that hangs looks like to the workers.
    let shared = Arc::new(Shared {
        buffers: vec![Buffer::default()].into_boxed_slice(),
        stop: AtomicBool::new(false),
        reopen: AtomicBool::new(false),
        dropped: AtomicU64::new(0),
    });
    let log = AccessLog {
        sample: 1,
        shared: Arc::clone(&shared),
        writer: Some(std::thread::spawn(|| {})),
    };
    let long = "x".repeat(1000);
    let lines = 2 * BUFFER_BYTES_MAX / 1000;
    (0..lines).for_each(|_| log.write(0, &line(&long)));
    let kept = shared.buffers[0].lock().lines;
    assert_eq!(kept + log.dropped(), lines as u64);
    assert!(log.dropped() > 0);
    assert!(shared.buffers[0].lock().bytes.len() < BUFFER_BYTES_MAX + 2000);
}

#[test]
fn a_disk_that_is_full_loses_lines_and_says_how_many() {
    let full = PathBuf::from("/dev/full");
    let log = log(AccessLogPlace::File(full), 1);
    log.write(0, &line("/x"));
    log.write(1, &line("/y"));
    wait_for("both lines are counted", || log.dropped() == 2);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let (folder, _) = file();
    let to = AccessLogPlace::File(folder.path().join("no/access.log"));
    let error = AccessLog::start(&config(to, 1), 1).expect_err("no folder");
    assert!(error.to_string().contains("no/access.log"), "{error}");
}
