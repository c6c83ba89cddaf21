//! How reads go, and what they are told.

use std::rc::Rc;

use super::*;

fn plan(statement: &str, values: &[&str]) -> String {
    let file = File::new();
    let log = open(&file, 100, 60);
    append(&log, 1);
    let connection = rusqlite::Connection::open(&file.0).unwrap();
    let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    let lines = query.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>("detail")).unwrap();
    lines.map(|line| line.unwrap() + "\n").collect()
}

#[test]
fn a_read_of_topics_seeks_each_of_them() {
    let plan = plan(AFTER_TOPICS, &["[]"]);
    assert!(plan.contains("SEARCH topics USING PRIMARY KEY (topic=? AND sequence>? AND sequence<?)"), "{plan}");
    assert!(!plan.contains("SCAN topics"), "{plan}");
    let updates = plan.lines().filter(|line| line.contains("updates") && !line.contains("sqlite_sequence"));
    for line in updates {
        assert!(line.starts_with("SEARCH updates"), "{plan}");
    }
}

#[test]
fn whom_to_wake_is_looked_up_by_topic() {
    let plan = plan(append::APPENDED, &["[]"]);
    assert!(plan.contains("SEARCH interests USING PRIMARY KEY (topic=?"), "{plan}");
    assert!(plan.contains("SEARCH listeners USING PRIMARY KEY (listener=?)"), "{plan}");
}

#[test]
fn what_is_pruned_is_looked_up_by_topic() {
    for topics in ["= 't'", "IN (SELECT value FROM json_each('[\"t\"]'))"] {
        let plan = plan(&format!("DELETE FROM topics WHERE topic {topics} AND sequence = 1"), &[]);
        assert!(plan.contains("SEARCH topics USING PRIMARY KEY (topic=? AND sequence=?)"), "{plan}");
    }
}

#[test]
fn the_bytes_of_all_updates_are_added_up() {
    let file = File::new();
    let log = open(&file, 100, 60);
    let batch = |sizes: &[usize]| {
        let record = |size| Record { id: None, last: false, meta: "-t\n".to_owned(), body: "x".repeat(size) };
        now(log.append(&sizes.iter().map(|size| record(*size)).collect::<Vec<_>>())).unwrap();
    };
    let totals = || -> String {
        let query = "SELECT coalesce(group_concat(total), '') FROM (SELECT total FROM updates ORDER BY sequence)";
        rusqlite::Connection::open(&file.0).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
    };
    batch(&[10]);
    batch(&[20, 30, 40]);
    batch(&[50]);
    assert_eq!(totals(), "13,36,69,112,165");
    run(&file, "DELETE FROM updates");
    batch(&[7, 7]);
    assert_eq!(totals(), "10,20");
}

#[test]
fn a_log_knows_where_it_was() {
    let file = File::new();
    let log = open(&file, 100, 1_000);
    let at = |millis: u64| now(log.as_of(millis * 1_000_000)).unwrap();
    assert_eq!(at(5_000), AsOf { extent: now(log.extent()).unwrap(), sequence: 0 });
    append(&log, 4);
    run(&file, "UPDATE updates SET time = 1000 * sequence");
    for (millis, sequence) in [(1_000, 0), (1_001, 1), (3_000, 2), (3_999, 3), (4_000, 3), (4_001, 4), (9_000, 4)] {
        assert_eq!(at(millis).sequence, sequence, "{millis}");
    }
    run(&file, "DELETE FROM updates WHERE sequence <= 2");
    assert_eq!(at(2_000), AsOf { extent: now(log.extent()).unwrap(), sequence: 2 });
    run(&file, "DELETE FROM updates");
    assert_eq!(at(2_000).sequence, 4, "nothing that is kept came later");
}

#[test]
fn an_update_that_is_appended_after_a_moment_is_not_before_it() {
    let file = File::new();
    let log = open(&file, 100, 1_000);
    append(&log, 1);
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap();
    append(&log, 1);
    let sequence = now(log.as_of(u64::try_from(since_1970.as_nanos()).unwrap())).unwrap().sequence;
    assert!(sequence <= 1, "{sequence}");
}

#[test]
fn page_after_page_has_every_update_on_the_topics_once() {
    let file = File::new();
    let log = open(&file, 100_000, 1_000);
    let topics = |n: u64| match n % 10 {
        0..6 => "-often\n",
        6 | 7 => "-often\nalso\n",
        8 => "-seldom\nalso\n",
        _ => "-other\n",
    };
    let body = |n: u64| "x".repeat(if n.is_multiple_of(97) { 50_000 } else { 20 });
    let records: Vec<_> =
        (1..=4_000).map(|n| Record { id: None, last: false, meta: topics(n).to_owned(), body: body(n) }).collect();
    now(log.append(&records)).unwrap();
    let wanted = [("often", 100), ("also", 3_000), ("seldom", 0), ("none", 0)];
    let hears =
        |n: &u64| wanted.iter().any(|(topic, after)| topics(*n)[1..].lines().any(|on| on == *topic) && n > after);
    let (mut found, mut reached, mut pages) = (Vec::new(), 0, 0);
    while reached < 4_000 {
        let interest = wanted.iter().map(|(topic, after)| (Rc::from(*topic), reached.max(*after))).collect();
        let page = now(log.after(&Interest::Topics(interest))).unwrap();
        assert!(page.through > reached, "it goes on");
        assert!(page.entries.iter().all(|entry| (reached + 1..=page.through).contains(&entry.sequence)));
        found.extend(page.entries.iter().map(|entry| entry.sequence));
        (reached, pages) = (page.through, pages + 1);
    }
    assert_eq!(found, (1..=4_000).filter(hears).collect::<Vec<_>>());
    assert!(pages > 4, "{pages}");
}

#[test]
fn a_page_reaches_the_head_where_nothing_on_the_topics_follows_however_large_its_last_update_is() {
    let file = File::new();
    let log = open(&file, 100_000, 1_000);
    let record =
        |topic: &str, size| Record { id: None, last: false, meta: format!("-{topic}\n"), body: "x".repeat(size) };
    let read = |topic: &str| {
        let page = now(log.after(&Interest::Topics(vec![(Rc::from(topic), 0)]))).unwrap();
        (page.entries.len(), page.through)
    };
    now(log.append(&[record("one", 10), record("one", 2 * PAGE_BYTES), record("other", 10)])).unwrap();
    assert_eq!(read("one"), (2, 3), "the rest is of others");
    now(log.append(&[record("one", 10), record("other", 10)])).unwrap();
    assert_eq!(read("one"), (2, 2), "one follows the page");
}
