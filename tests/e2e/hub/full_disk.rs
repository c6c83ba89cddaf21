//! A disk that is full: publishers are told to wait, and no stream ends.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Command;

use hyper::StatusCode;
use tempfile::TempDir;

use crate::support::client::EventStream;
use crate::support::hub::{Publisher, follow, hub_with_key};

/// A disk of a few MiB in memory. Dropped, it is unmounted.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Disk {
        let directory = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(directory.path()).status();
        assert!(mounted.unwrap().success(), "a disk cannot be mounted: run this test as root");
        Disk(directory)
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        let full = (0..10_000).find_map(|_| filler.write_all(&[0; 4096]).err()).expect("the disk becomes full");
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that a failed test leaves behind may still have files open.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            let _ = writeln!(std::io::stderr(), "the disk at {} is still mounted", self.0.path().display());
        }
    }
}

/// All receive exactly these next.
async fn check_next(streams: &mut [EventStream], data: &[String]) {
    for stream in streams {
        for data in data {
            let event = stream.event().await;
            assert_eq!((event.name.as_str(), &event.data), ("message", data));
        }
    }
}

#[tokio::test]
#[ignore = "needs root: mounts a small disk"]
async fn a_full_disk_makes_publishers_wait_and_ends_no_stream() {
    const REFUSED: usize = 20;
    let disk = Disk::mount();
    // Several instances, each with its own connection to the database.
    let server = hub_with_key().state(disk.0.path()).reuse(4).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(follow(server.address(), "demo", "").await);
    }
    publisher.publish("demo", "before").await;
    check_next(&mut streams, &["before".to_owned()]).await;

    disk.fill();
    let (mut stored, mut refused) = (Vec::new(), 0);
    for n in 0..1_000 {
        // Large enough to need a page of the disk of its own.
        let data = format!("{n}-{}", "x".repeat(5_000));
        let reply = publisher.try_publish("demo", &data).await.expect("a publication is answered");
        match reply.status {
            StatusCode::OK => stored.push(data),
            status => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
                assert_eq!(reply.header("retry-after"), "1");
                refused += 1;
            }
        }
        if refused == REFUSED {
            break;
        }
    }
    assert_eq!(refused, REFUSED, "{} updates fitted on a full disk", stored.len());
    check_next(&mut streams, &stored).await;

    disk.empty();
    publisher.publish_as_told("demo", "after").await;
    check_next(&mut streams, &["after".to_owned()]).await;
    server.stop().await;
}
