//! A line for the operator of a component.

use std::fmt::Arguments;
use std::io::{Write, stderr};

/// Writes one line to standard error. It cannot fail or panic.
///
/// `println!` and `eprintln!` panic when the output cannot be written, and a panic ends every stream of an instance. A
/// host keeps the output in log files, and the disk may be full.
///
/// ```
/// spin_sse::report(format_args!("{} streams are open", 3));
/// ```
pub fn report(line: Arguments<'_>) {
    // One write, so that the lines of several instances do not mix. If the write fails, there is nowhere to report it.
    let _ = stderr().lock().write_all(format!("{line}\n").as_bytes());
}
