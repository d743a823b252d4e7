-- The bytes of each user in the image store, so that they can be limited.

ALTER TABLE users ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN users.stored_bytes IS 'of images, and of uploads as announced; the limit in store::create and store::uploads. What a gateway of the release before stores during an upgrade is not counted';
UPDATE users SET stored_bytes = total.bytes
FROM (
    SELECT owner, sum(byte_size)::bigint AS bytes
    FROM (SELECT owner, byte_size FROM images UNION ALL SELECT owner, byte_size FROM uploads) AS stored
    GROUP BY owner
) AS total
WHERE users.id = total.owner;
