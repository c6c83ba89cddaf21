UPDATE hub SET history_updates = ?1, history_seconds = ?2 WHERE history_updates <> ?1 OR history_seconds <> ?2
