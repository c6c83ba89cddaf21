//! Which file of a crate imports which.

use std::collections::HashMap;

use crate::sources::Source;

/// The modules of a crate, in the order in which they may import each other: each after those that it declares, and
/// after those that are declared before it.
struct Modules {
    /// The path of a module, such as `log::redis::keys`, and its file.
    ordered: Vec<(String, Source)>,
    /// What the crate's root exports, and from which module.
    exported: HashMap<String, String>,
}

/// The imports of a crate that run against the order of its modules.
pub(crate) fn backwards(root: &str) -> Vec<String> {
    let modules = Modules::of(root);
    let place = |path: &str| modules.ordered.iter().position(|(module, _)| module == path);
    let mut found = Vec::new();
    for (here, (module, source)) in modules.ordered.iter().enumerate() {
        for (line, import) in imports(module, source) {
            let imported = modules.resolve(&import);
            if place(&imported).is_some_and(|there| there > here) {
                found.push(format!("{} imports {imported}", source.place(line)));
            }
        }
    }
    assert!(modules.ordered.len() > 3, "{root} has modules");
    found
}

impl Modules {
    fn of(root: &str) -> Modules {
        let source = Source::read(root).unwrap();
        let mut modules = Modules { ordered: Vec::new(), exported: HashMap::new() };
        for line in joined(&source) {
            let Some(uses) = line.trim_start().strip_prefix("pub use ") else { continue };
            for path in expand(uses.trim_end_matches(';')) {
                if let Some((module, name)) = path.rsplit_once("::") {
                    modules.exported.insert(name.to_owned(), module.trim_start_matches("crate::").to_owned());
                }
            }
        }
        let directory = root.rsplit_once('/').unwrap().0.to_owned();
        modules.add_children("", &directory, &source);
        modules
    }

    fn add_children(&mut self, parent: &str, directory: &str, source: &Source) {
        for line in source.code() {
            let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
            let [.., "mod", name] = words[..] else { continue };
            let file = format!("{directory}/{name}.rs");
            let Some(child) = Source::read(&file) else { continue };
            let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}::{name}") };
            self.add_children(&path, &format!("{directory}/{name}"), &child);
            self.ordered.push((path, child));
        }
    }

    /// The module that an imported path is in.
    fn resolve(&self, import: &str) -> String {
        let import = match import.split_once("::") {
            None => self.exported.get(import).cloned().unwrap_or_else(|| import.to_owned()),
            Some(_) => import.to_owned(),
        };
        let is_module = |path: &str| self.ordered.iter().any(|(module, _)| module == path);
        let mut path = import.as_str();
        while !is_module(path) {
            let Some((parent, _)) = path.rsplit_once("::") else { break };
            path = parent;
        }
        path.to_owned()
    }
}

/// The paths below the crate's root that a file imports or names, without `crate::`, and the lines where it does.
fn imports(module: &str, source: &Source) -> Vec<(usize, String)> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut found = Vec::new();
    for (at, line) in joined(source).into_iter().enumerate() {
        if line.trim_start().starts_with("//") || line.trim_start().starts_with("pub use ") {
            continue;
        }
        for start in ["crate::", "super::"] {
            for (index, _) in line.match_indices(start) {
                let before = line[..index].chars().next_back();
                if before.is_some_and(|character| character.is_alphanumeric() || "_$:".contains(character)) {
                    continue;
                }
                let prefix =
                    if start == "super::" && !parent.is_empty() { format!("{parent}::") } else { String::new() };
                let rest = &line[index + start.len()..];
                found.extend(expand(rest).into_iter().map(|path| (at + 1, format!("{prefix}{path}"))));
            }
        }
    }
    found
}

/// The lines before the unit tests, each `use` on one line. The others keep their number.
fn joined(source: &Source) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = None;
    for line in source.code() {
        match open {
            Some(at) => {
                let start: &mut String = &mut lines[at];
                start.push_str(line.trim());
                open = (!line.trim_end().ends_with(';')).then_some(at);
                lines.push(String::new());
            }
            None => {
                let is_use = line.trim_start().starts_with("use ") || line.trim_start().starts_with("pub use ");
                open = (is_use && !line.ends_with(';')).then_some(lines.len());
                lines.push(line.to_owned());
            }
        }
    }
    lines
}

/// The paths of `a::{b, c::d}`, as far as the text is a path.
fn expand(text: &str) -> Vec<String> {
    let end = text.find(|character: char| !character.is_alphanumeric() && !"_:".contains(character));
    let (path, rest) = text.split_at(end.unwrap_or(text.len()));
    let Some(list) = rest.strip_prefix('{') else { return vec![path.trim_end_matches(':').to_owned()] };
    let mut depth = 1;
    let end = list.find(|character: char| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        depth == 0
    });
    let mut items = vec![String::new()];
    for character in list[..end.unwrap_or(list.len())].chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        match character {
            ',' if depth == 0 => items.push(String::new()),
            _ => items.last_mut().unwrap().push(character),
        }
    }
    let items = items.iter().map(|item| item.trim()).filter(|item| !item.is_empty());
    items
        .flat_map(expand)
        .map(|item| if item == "self" { path.trim_end_matches(':').to_owned() } else { format!("{path}{item}") })
        .collect()
}
