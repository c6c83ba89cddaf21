-- Forgets a listener. Its topics forget it with the next update on them, or expire.
-- KEYS: the listeners, what the listener is told. ARGV: the listener.
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 0
