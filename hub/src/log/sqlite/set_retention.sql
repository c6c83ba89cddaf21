UPDATE hub SET history_updates = ?1, history_seconds = ?2, history_bytes = ?3
WHERE (history_updates, history_seconds, history_bytes) <> (?1, ?2, ?3)
