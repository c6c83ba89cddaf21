//! A plot of bars, readable on light and on dark.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const NAMES: f64 = 190.0;
const FIGURES: f64 = 80.0;
const ROW: f64 = 34.0;
const TOP: f64 = 44.0;

/// Horizontal bars, the first one in another colour.
pub fn bars(title: &str, bars: &[(String, f64)]) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let height = TOP + ROW * bars.len() as f64 + 8.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="14">
<style>text {{ fill: #24292f }} .bar {{ fill: #8c959f }} .ours {{ fill: #1f6feb }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .bar {{ fill: #6e7681 }} .ours {{ fill: #58a6ff }} }}</style>
<text x="0" y="22" font-weight="600">{title}</text>
"##
    );
    for (row, (name, value)) in bars.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let length = (WIDTH - NAMES - FIGURES) * value / most;
        let class = if name.starts_with("spin-sse") { "bar ours" } else { "bar" };
        let (middle, end) = (y + 17.0, NAMES + length + 8.0);
        let figure = if *value >= 1e6 { format!("{:.2} M", value / 1e6) } else { format!("{:.0} k", value / 1e3) };
        let _ = writeln!(
            svg,
            r#"<text x="0" y="{middle}">{name}</text><rect class="{class}" x="{NAMES}" y="{y}" width="{length:.0}" height="24" rx="3"/><text x="{end:.0}" y="{middle}">{figure}</text>"#
        );
    }
    svg + "</svg>\n"
}
