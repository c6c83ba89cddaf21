-- Notes that listeners are told to drain, unless some were told so within ?1 milliseconds. A clock that has stepped back
-- does not count.
UPDATE hub SET drained_at = CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)
WHERE CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - drained_at NOT BETWEEN 0 AND ?1 - 1
RETURNING one
