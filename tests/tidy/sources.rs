//! The files of the repository.

use std::path::{Path, PathBuf};

/// A file, and its path in the repository.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Reads a file, if it is there.
    pub(crate) fn read(path: &str) -> Option<Source> {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    }

    /// The lines before the unit tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| *line != "#[cfg(test)]")
    }

    /// Whether all of it is a test, or belongs to one.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split(['/', '.']).any(|part| matches!(part, "tests" | "laws" | "memory"))
    }

    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }

    /// The lines before the unit tests that contain one of `texts`.
    pub(crate) fn lines_with(&self, texts: &[&str]) -> Vec<String> {
        let lines = self.code().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        lines
            .filter(|(_, line)| texts.iter().any(|text| line.contains(text)))
            .map(|(at, _)| self.place(at + 1))
            .collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn rust() -> Vec<Source> {
    sources("rs")
}

pub(crate) fn markdown() -> Vec<Source> {
    sources("md")
}

fn sources(extension: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    find(root(), extension, &mut paths);
    assert!(!paths.is_empty());
    paths.sort();
    paths.iter().map(|path| Source::read(path.strip_prefix(root()).unwrap().to_str().unwrap()).unwrap()).collect()
}

fn find(directory: &Path, extension: &str, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && !["target", "results", "node_modules"].contains(&name) {
            find(&path, extension, paths);
        } else if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
}
