//! What the script is told that appends.

use std::fmt::Write;

use crate::log::ended::MIN_ENDS;
use crate::log::log::Retention;
use crate::log::record::Record;
use crate::log::redis::keys::Keys;
use crate::log::redis::script::bytes;

/// The keys that it writes, apart from those whose names it makes itself.
pub(crate) fn keys(keys: &Keys, records: &[Record]) -> Vec<String> {
    let Keys { stream, hub, times, recent, listeners, .. } = keys;
    let ids = records.iter().filter_map(|record| record.id.as_deref());
    let fixed = [stream, hub, times, recent, listeners].map(String::clone);
    fixed.into_iter().chain(ids.map(|id| keys.id(id))).collect()
}

/// Its arguments. `random` is any number.
pub(crate) fn values(run_id: &str, random: u64, retention: Retention, records: &[Record]) -> Vec<Vec<u8>> {
    // Lua counts exactly up to 2^53.
    let limited = |number: u64| bytes(&number.clamp(1, 1 << 52).to_string());
    let mut lasts = String::new();
    for (number, _) in (1_usize..).zip(records).filter(|(_, record)| record.last) {
        // A text takes all that is written.
        let _ = write!(lasts, " {number}");
    }
    let mut values = vec![
        bytes(run_id),
        bytes(&(random >> 12 | 1).to_string()),
        limited(retention.updates),
        limited(retention.seconds),
        limited(retention.bytes),
        limited(retention.updates.max(MIN_ENDS)),
        lasts.into_bytes(),
    ];
    for record in records {
        values.extend([bytes(record.id.as_deref().unwrap_or_default()), bytes(&record.meta), bytes(&record.body)]);
    }
    values
}
