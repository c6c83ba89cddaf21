//! What a component has to say to who runs it.

use std::fmt::Arguments;
use std::io::{Write, stderr};

/// Writes one line to standard error, and cannot fail.
///
/// `println!` and `eprintln!` panic when the output cannot be written, and a panic ends every stream of an instance. A host
/// keeps the output in files, and the disk of those files may be full.
///
/// ```
/// spin_sse::report(format_args!("{} streams are open", 3));
/// ```
pub fn report(line: Arguments<'_>) {
    // One write, so that the lines of several instances do not mix. There is nobody to tell that it failed.
    let _ = stderr().lock().write_all(format!("{line}\n").as_bytes());
}
