//! Filling in a template, as `spin new` and `spin add` do. Where there is a Spin, it does so itself, and what this file
//! makes must be the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each file of an application holds, by its path in it.
pub(super) type Files = BTreeMap<PathBuf, String>;

/// Where Spin keeps its templates, in a directory of the test's own.
const DATA: &str = "spin-data";

/// An application without components.
const EMPTY: &str = "spin_manifest_version = 2\n\n[application]\nname = \"empty\"\n";

/// The manifest of what `spin new` makes of a template, with this checkout.
pub(super) fn new_application(template: &str, name: &str) -> PathBuf {
    write(name, &new_files(template, name, root().to_str().unwrap()))
}

/// What `spin new` makes of a template.
pub(super) fn new_files(template: &str, name: &str, checkout: &str) -> Files {
    let filler = Filler { template, name, checkout };
    let files = filler.content();
    if let Some(spin) = Spin::found() {
        assert_eq!(files, spin.run("new", &filler, name), "spin new fills in {template} otherwise");
    }
    files
}

/// The manifest of what `spin add` makes of a template and an application without components, with this checkout.
pub(super) fn added_component(template: &str, name: &str) -> PathBuf {
    let filler = Filler { template, name, checkout: root().to_str().unwrap() };
    let content = filler.content().into_iter().filter(|(path, _)| path != Path::new("spin.toml"));
    let mut files: Files = content.map(|(path, text)| (Path::new(name).join(path), text)).collect();
    files.insert("spin.toml".into(), filler.manifest_with_snippets());
    if let Some(spin) = Spin::found() {
        std::fs::write(spin.directory.path().join("spin.toml"), EMPTY).unwrap();
        let by_spin = spin.run("add", &filler, "");
        // Spin puts the tables in any order.
        files.insert("spin.toml".into(), by_spin[Path::new("spin.toml")].clone());
        assert_eq!(files, by_spin, "spin add fills in {template} otherwise");
    }
    write(&format!("added-{name}"), &files)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes what differs, so that what was built stays valid. All applications are built in one directory, with the
/// versions of the workspace: what they depend on is built once.
fn write(name: &str, files: &Files) -> PathBuf {
    let directory = root().join("target/templates").join(name);
    let present = read(&directory);
    for path in present.keys().filter(|path| !files.contains_key(*path)) {
        std::fs::remove_file(directory.join(path)).unwrap();
    }
    for (path, text) in files.iter().filter(|(path, text)| present.get(*path) != Some(text)) {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let package = files.keys().find(|path| path.ends_with("Cargo.toml")).and_then(|path| path.parent()).unwrap();
    share(&directory.join(package));
    directory.join("spin.toml")
}

fn share(package: &Path) {
    std::fs::copy(root().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = root().join("target/templates/target");
    std::fs::create_dir_all(&target).unwrap();
    if !package.join("target").exists() {
        std::os::unix::fs::symlink(target, package.join("target")).unwrap();
    }
}

/// All files of an application or of a template's content, but those that come with building and running.
fn read(directory: &Path) -> Files {
    const OTHERS: [&str; 4] = [".git", "target", "Cargo.lock", DATA];
    let mut files = Files::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let entry = entry.unwrap();
        let (name, path) = (PathBuf::from(entry.file_name()), entry.path());
        if OTHERS.iter().any(|other| name == Path::new(other)) {
            continue;
        }
        if path.is_dir() {
            files.extend(read(&path).into_iter().map(|(below, text)| (name.join(below), text)));
        } else {
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    files
}

struct Filler<'t> {
    template: &'t str,
    name: &'t str,
    checkout: &'t str,
}

impl Filler<'_> {
    fn directory(&self) -> PathBuf {
        root().join("templates").join(self.template)
    }

    fn content(&self) -> Files {
        let directory = self.directory().join("content");
        let files = read(&directory);
        let outside = |path: PathBuf| {
            if path.extension().is_some_and(|end| end == "tmpl") { path.with_extension("") } else { path }
        };
        files.into_iter().map(|(path, text)| (outside(path), self.fill(&text))).collect()
    }

    fn manifest_with_snippets(&self) -> String {
        let snippets = self.directory().join("metadata/snippets");
        let component = std::fs::read_to_string(snippets.join("component.txt")).unwrap();
        let variables = std::fs::read_to_string(snippets.join("variables.txt"));
        let variables = variables.map_or(String::new(), |lines| format!("\n[variables]\n{lines}"));
        format!("{EMPTY}{variables}\n{}", self.fill(&component))
    }

    /// The part of Liquid that the templates use: a variable, maybe with one filter; `raw`; `if` a variable is not
    /// empty.
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, tag)) = rest.split_once("{%") {
            filled += &self.variables(before);
            let (tag, after) = tag.split_once("%}").unwrap();
            let (inner, after) = after.split_once("{% end").unwrap();
            match tag.trim().strip_prefix("if ").and_then(|test| test.strip_suffix(" != \"\"")) {
                Some(variable) if self.value(variable).is_empty() => {}
                Some(_) => filled += &self.variables(inner),
                None => {
                    assert_eq!(tag.trim(), "raw", "the tag is not known here");
                    filled += inner;
                }
            }
            rest = after.split_once("%}").unwrap().1;
        }
        filled + &self.variables(rest)
    }

    fn variables(&self, text: &str) -> String {
        let mut pieces = text.split("{{");
        let mut filled = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (expression, after) = piece.split_once("}}").unwrap();
            let (variable, filter) = expression.split_once('|').unwrap_or((expression, ""));
            let value = self.value(variable.trim());
            filled += &match filter.trim() {
                "" | "kebab_case" => value,
                "snake_case" => value.replace('-', "_"),
                filter => panic!("the filter {filter} is not known here"),
            };
            filled += after;
        }
        filled
    }

    fn value(&self, variable: &str) -> String {
        match variable {
            "project-name" | "output-path" => self.name.to_owned(),
            "checkout" => self.checkout.to_owned(),
            parameter => self.default(parameter),
        }
    }

    /// What `--accept-defaults` gives.
    fn default(&self, parameter: &str) -> String {
        let metadata = std::fs::read_to_string(self.directory().join("metadata/spin-template.toml")).unwrap();
        let line = metadata.lines().find(|line| line.starts_with(&format!("{parameter} = "))).unwrap();
        line.split_once("default = \"").unwrap().1.split('"').next().unwrap().to_owned()
    }
}

/// A Spin that has the templates installed, and nothing else.
struct Spin {
    program: PathBuf,
    directory: tempfile::TempDir,
}

impl Spin {
    fn found() -> Option<Self> {
        let program = PathBuf::from(std::env::var_os("SPIN_BIN")?);
        let spin = Spin { program, directory: tempfile::tempdir().unwrap() };
        spin.command(&["templates", "install", "--dir", root().to_str().unwrap()]);
        Some(spin)
    }

    fn command(&self, arguments: &[&str]) {
        let directory = self.directory.path();
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(directory).env("SPIN_DATA_DIR", directory.join(DATA));
        let output = command.output().unwrap();
        assert!(output.status.success(), "spin {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Fills in a template by `new` or `add`, and reads what that made in the directory `made`.
    fn run(&self, command: &str, filler: &Filler, made: &str) -> Files {
        let checkout = format!("checkout={}", filler.checkout);
        self.command(&[command, "-t", filler.template, filler.name, "--accept-defaults", "--value", &checkout]);
        read(&self.directory.path().join(made))
    }
}
