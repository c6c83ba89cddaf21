//! The files that the dev host may open.

use crate::support::server::streams;

#[tokio::test]
async fn the_dev_host_opens_as_many_files_as_the_system_lets_it() {
    if std::env::var_os("SPIN_BIN").is_some() {
        return;
    }
    let server = streams().process().start().await;
    let limits = server.limits();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard, _] = files.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{files}") };
    assert_eq!(soft, hard);
}
