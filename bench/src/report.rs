//! Tables: printed, and kept in `results/`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A page of results, in Markdown.
pub struct Report {
    name: &'static str,
    text: String,
}

/// Rows of texts under a head.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn markdown(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, column: usize| -> String { row.get(column).cloned().unwrap_or_default() };
        let width = |column| self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, &width) in widths.iter().enumerate() {
                // Names stand left, figures right.
                let cell = cell(row, column);
                let _ = if column == 0 { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
            }
            text += "|\n";
            if number == 0 {
                let line = |(column, width): (usize, &usize)| {
                    format!("| {}{} ", "-".repeat(width - 1), if column == 0 { '-' } else { ':' })
                };
                text += &(widths.iter().enumerate().map(line).collect::<String>() + "|\n");
            }
        }
        text
    }
}

impl Report {
    /// A page that will be `results/<name>.md`, of what `command` prints.
    pub fn new(name: &'static str, title: &str, command: &str) -> Report {
        let date = output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, m)| m);
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let text = format!("# {title}\n\n`{command}`, {date}, {cores} cores of {model}.\n");
        print!("{text}");
        Report { name, text }
    }

    /// A paragraph.
    pub fn say(&mut self, text: impl AsRef<str>) {
        self.push(&format!("\n{}\n", text.as_ref()));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        self.push(&format!("\n{}", table.markdown()));
    }

    fn push(&mut self, text: &str) {
        print!("{text}");
        self.text += text;
    }

    /// Writes the page.
    pub fn save(self) -> Result<()> {
        save(&format!("{}.md", self.name), &self.text)
    }
}

/// Writes a file of `results/`.
pub fn save(name: &str, text: &str) -> Result<()> {
    let path = directory().join("results").join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The directory of this package.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
