//! Topics that end, beyond the laws: what is forgotten, and how they are looked up.

use super::*;

fn update(topics: &[&str], last: bool) -> Record {
    Record { id: None, last, meta: format!("-{}\n", topics.join("\n")), body: String::new() }
}

fn ended(file: &File) -> Vec<(String, u64)> {
    let connection = rusqlite::Connection::open(&file.0).unwrap();
    let mut query = connection.prepare("SELECT topic, sequence FROM ended ORDER BY number").unwrap();
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_end_is_forgotten_when_updates_of_its_age_are() {
    for topics in [&["a"][..], &["a", "b"]] {
        for last in [false, true] {
            let file = File::new();
            let log = open(&file, 1_000, 60);
            now(log.append(&[update(&["a"], true), update(&["other"], true)])).unwrap();
            run(&file, "UPDATE ended SET time = time - 59000");
            assert_eq!(now(log.append(&[update(topics, last)])), Err(AppendError::Ended("a".to_owned())));
            run(&file, "UPDATE ended SET time = time - 2000");
            now(log.append(&[update(topics, last)])).unwrap();
            let again: Vec<_> = topics.iter().map(|topic| ((*topic).to_owned(), 3)).filter(|_| last).collect();
            let named = ["a", "b"].map(Rc::from);
            let found = now(log.ended(&named)).unwrap().into_iter().map(|(topic, end)| (topic.to_string(), end));
            assert_eq!(found.collect::<Vec<_>>(), again);
            let topics = named.into_iter().map(|topic| (topic, 0)).collect();
            let page = now(log.after(&Interest::Topics(topics))).unwrap();
            assert_eq!(
                (page.ended.len(), now(log.after(&Interest::All(2))).unwrap().ended.len()),
                (again.len(), again.len())
            );
            now(log.append(&[update(&["c"], true)])).unwrap();
            assert!(!ended(&file).contains(&("other".to_owned(), 2)), "the next end takes what is too old with it");
        }
    }
}

#[test]
fn what_has_ended_is_looked_up_and_not_searched_for() {
    let file = File::new();
    let log = open(&file, 1_000, 60);
    now(log.extent()).unwrap();
    let connection = rusqlite::Connection::open(&file.0).unwrap();
    for (statement, expected) in [
        (ENDED, "SEARCH ended USING PRIMARY KEY (topic=?)"),
        (AFTER_TOPICS, "SEARCH ended USING PRIMARY KEY (topic=?)"),
        (AFTER_ALL, "SEARCH ended USING INDEX ended_sequence (sequence>? AND sequence<?)"),
    ] {
        let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let lines = query.query_map(["[]"], |row| row.get::<_, String>("detail")).unwrap();
        let plan: String = lines.map(|line| line.unwrap() + "\n").collect();
        assert!(plan.contains(expected), "{plan}");
    }
}

#[test]
fn a_refusal_leaves_the_tables_as_they_were() {
    let file = File::new();
    let log = open(&file, 1_000, 60);
    now(log.append(&[update(&["a"], true)])).unwrap();
    let records = [update(&["b", "c"], false), update(&["d"], true), update(&["a"], false)];
    assert_eq!(now(log.append(&records)), Err(AppendError::Ended("a".to_owned())));
    assert_eq!(ended(&file), [("a".to_owned(), 1)]);
    let connection = rusqlite::Connection::open(&file.0).unwrap();
    let left: u64 = connection.query_row("SELECT count(*) FROM topics", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}
