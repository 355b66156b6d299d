//! The log of a release that writes a lot: bounded while it runs, followed without a gap.

use portcullis_driver::{Driver, LogReader, release_logs};

use crate::world::{World, answers, lives, start, until};

const BOUND_BYTES: u64 = 30_000;

#[tokio::test]
async fn the_log_of_a_release_that_writes_a_lot_is_bounded_and_followed_without_a_gap() {
    let world = World::new();
    let chatter =
        "i=0; (while :; do i=$((i+1)); echo \"line $i of many\"; done) & exec \"$0\" \"$@\"";
    let launch = world.launch_script("1.0", chatter);
    world.driver.apply(&start(&launch)).await.unwrap();
    let pid = world.driver.instances()[0].pid.unwrap();
    let log = world.driver.log_file(&launch);
    let mut numbers: Vec<u64> = Vec::new();
    let mut take = |line: &[u8]| {
        let text = std::str::from_utf8(line).unwrap();
        // The service itself says that it listens, somewhere in between.
        numbers.extend(text.strip_prefix("line ").and_then(|rest| {
            let number = rest.strip_suffix(" of many")?;
            number.parse::<u64>().ok()
        }));
        Ok(())
    };
    let mut reader = LogReader::of_last_lines(&log, 1).unwrap();
    let mut cuts = 0;
    while cuts < 10 {
        reader.read(&mut take).unwrap();
        until("the log is too long", async || {
            std::fs::metadata(&log).unwrap().len() > BOUND_BYTES
        })
        .await;
        cuts += world.driver.bound_logs(BOUND_BYTES).await;
    }
    reader.read(&mut take).unwrap();
    assert_eq!(world.driver.bound_logs(u64::MAX).await, 0);
    let expected: Vec<u64> = (numbers[0]..).take(numbers.len()).collect();
    assert!(numbers.len() > 1_000, "only {} lines", numbers.len());
    assert_eq!(numbers, expected, "a line is missing or doubled");

    assert!(lives(pid) && answers(&launch).await, "nobody noticed");
    let logs = release_logs(&world.path("state"), "tiny").unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].release, "1.0");
    assert_eq!(logs[0].address, launch.target.address);
    assert_eq!(logs[0].file, log);
}

#[tokio::test]
async fn logs_of_stopped_releases_are_removed_when_there_are_too_many() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let folder = world.path("state/logs/tiny");
    for number in 0..60 {
        std::fs::write(
            folder.join(format!("0.{number}@127.0.0.1_{}.log", 9_000 + number)),
            "x",
        )
        .unwrap();
    }
    // The release that runs has been silent for longer than all of them.
    let log = std::fs::File::options()
        .append(true)
        .open(world.driver.log_file(&launch))
        .unwrap();
    log.set_modified(std::time::UNIX_EPOCH).unwrap();
    world.driver.bound_logs(u64::MAX).await;
    let left = release_logs(&world.path("state"), "tiny").unwrap();
    assert_eq!(left.len(), 51);
    assert!(left.iter().any(|log| log.release == "1.0"));
}
