//! How many files the process may have open. Every stream is one, and an instance has some of its own.

/// What is reckoned for one instance. With streams only, it has its database, the WAL of that and its sockets open.
/// Each publication under way adds two or three.
const OF_AN_INSTANCE: u64 = 8;

/// With fewer files, a burst of streams is too much sooner than one expects.
const ENOUGH: u64 = 10_000;

/// Raises the process's limit of open files as far as the system lets it. Returns a sentence if that is not far.
#[cfg(unix)]
pub(crate) fn raise_limit() -> Option<String> {
    /// The most that macOS takes, even where it says that there is no hard limit.
    const MOST_OF_MACOS: u64 = 10_240;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if raised.is_err() && limit.current.is_some_and(|current| current < MOST_OF_MACOS) {
        // A limit that stays as it was is told below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(MOST_OF_MACOS), ..limit });
    }
    warning(getrlimit(Resource::Nofile).current)
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() -> Option<String> {
    None
}

/// `None` as the limit is none at all.
fn warning(limit: Option<u64>) -> Option<String> {
    let limit = limit.filter(|limit| *limit < ENOUGH)?;
    // An instance of its own for every stream is the worst case.
    let streams = limit / (OF_AN_INSTANCE + 1);
    Some(format!(
        "this process may open {limit} files, which is enough for about {streams} streams where each has an instance \
         of its own: set the hard limit (ulimit -Hn, or LimitNOFILE of a service) to {ENOUGH} or more"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_says_what_it_is_enough_for_and_what_to_set() {
        let sentence = "this process may open 4096 files, which is enough for about 455 streams where each has an \
                        instance of its own: set the hard limit (ulimit -Hn, or LimitNOFILE of a service) to 10000 or \
                        more";
        assert_eq!(warning(Some(4096)).as_deref(), Some(sentence));
        assert_eq!([warning(Some(10_000)), warning(Some(1_048_576)), warning(None)], [None, None, None]);
    }
}
