INSERT INTO updates (size, total, id, topics, meta, body, time
