//! A file of SQLite that others lock, that is damaged, or that is on a disk which cannot be written.

use std::fs;
use std::process::Command;
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::sleep;

use crate::support::follower::Follower;
use crate::support::hub::{Publisher, follow, hub_with_key};
use crate::support::within;

#[tokio::test]
async fn a_file_that_another_program_locks_for_ten_seconds_makes_publishers_wait_and_ends_no_stream() {
    let state = tempfile::tempdir().unwrap();
    let server = hub_with_key().state(state.path()).reuse(4).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(follow(server.address(), "demo", "").await);
    }
    publisher.publish("demo", "before").await;
    let lock = rusqlite::Connection::open(state.path().join("sqlite_db.db")).unwrap();
    lock.busy_timeout(Duration::from_secs(9)).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let sentence = publisher.is_told_to_wait().await;
    assert_eq!(sentence, "the log cannot be written now: nothing was published, publish again later\n");
    sleep(Duration::from_secs(6)).await;
    lock.execute_batch("COMMIT").unwrap();
    publisher.publish_as_told("demo", "after").await;
    for stream in &mut streams {
        assert_eq!(stream.event().await.data, "before");
        assert_eq!(stream.event().await.data, "after");
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_makes_publishers_wait_until_it_is_taken_away() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("sqlite_db.db");
    fs::write(&file, "not a database".repeat(1_000)).unwrap();
    let server = hub_with_key().state(state.path()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut follower = Follower::new(server.address(), "demo", "earliest").pausing(Duration::from_millis(50));
    publisher.is_told_to_wait().await;
    server.logged("not a database", 1).await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", file.display()));
    }
    publisher.publish_as_told("demo", "0").await;
    assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("0", 0));
}

#[tokio::test]
async fn a_file_that_was_restored_as_the_docs_say_is_a_gap_for_everyone() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("sqlite_db.db");
    let server = hub_with_key().state(state.path()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let first = publisher.publish("demo", "0").await;
    // Any copy that is whole.
    let copy = state.path().join("copy.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute("VACUUM INTO ?", [copy.to_str().unwrap()]).unwrap();
    let last = publisher.publish("demo", "1").await;
    drop(database);
    server.stop().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", file.display()));
    }
    fs::rename(copy, &file).unwrap();
    let docs = include_str!("../../../docs/deploying.md");
    let statement = docs.split('"').find(|text| text.starts_with("UPDATE hub SET epoch")).unwrap();
    assert_eq!(rusqlite::Connection::open(&file).unwrap().execute(statement, []).unwrap(), 1);
    let server = hub_with_key().state(state.path()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    // As much as was there before: the places are taken again.
    publisher.publish("demo", "new").await;
    for last in [first, last] {
        let mut follower = Follower::new(server.address(), "demo", &last);
        follower.until(2).await;
        assert_eq!((follower.data(), follower.gaps), (vec!["0", "new"], 1), "{last}");
    }
}

#[tokio::test]
#[ignore = "needs root: mounts a small disk"]
async fn a_disk_that_cannot_be_written_makes_publishers_wait_until_it_can() {
    let disk = tempfile::tempdir().unwrap();
    let mount = async |arguments: &[&str]| loop {
        let mounted = Command::new("mount").args(arguments).arg(disk.path()).output().unwrap();
        let said = String::from_utf8_lossy(&mounted.stderr);
        // The kernel closes the files of processes that were killed a little after they have ended.
        if !said.contains("busy") {
            return assert!(mounted.status.success(), "a disk cannot be mounted: run this test as root: {said}");
        }
        sleep(Duration::from_millis(20)).await;
    };
    within("a disk", mount(&["-t", "tmpfs", "-o", "size=16m", "tmpfs"])).await;
    let server = hub_with_key().state(disk.path()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish("demo", "0").await;
    server.stop().await;
    within("the disk to take no writes", mount(&["-o", "remount,ro"])).await;
    let server = hub_with_key().state(disk.path()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    for _ in 0..3 {
        let reply = publisher.try_publish("demo", "refused").await.unwrap();
        // Spin starts no instance where it cannot write the instance's own log.
        let expected = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INTERNAL_SERVER_ERROR];
        assert!(expected.contains(&reply.status), "{} {}", reply.status, reply.body);
    }
    within("the disk to take writes", mount(&["-o", "remount,rw"])).await;
    publisher.publish_as_told("demo", "1").await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(2).await;
    assert_eq!(follower.data(), ["0", "1"]);
    server.stop().await;
    let _ = Command::new("umount").arg("--lazy").arg(disk.path()).status();
}
