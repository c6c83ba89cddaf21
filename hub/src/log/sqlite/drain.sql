-- Notes that listeners are told to drain, unless some were told so within ?1 milliseconds, before or after now: the clock
-- may have stepped back.
UPDATE hub SET drained_at = CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)
WHERE abs(CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - drained_at) >= ?1
RETURNING one
