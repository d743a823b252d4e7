-- What each user had stored before. It reads all images, uploads and tasks once, and then locks the users for a moment. A replica of the release
-- before does not count what it stores and deletes meanwhile, so the next release counts again.

INSERT INTO users (id, created_at, stored_bytes)
SELECT owner, now(), sum(byte_size)
FROM (
    SELECT owner, byte_size FROM images
    UNION ALL SELECT owner, byte_size FROM uploads
    UNION ALL SELECT owner, 4096 + 4 * octet_length(prompt) FROM tasks
) AS stored
GROUP BY owner
ORDER BY owner
ON CONFLICT (id) DO UPDATE SET stored_bytes = excluded.stored_bytes;
