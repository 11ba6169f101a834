CREATE TABLE IF NOT EXISTS sluice.ingest_ledger
(
    partition UInt16,
    from_offset UInt64,
    to_offset UInt64,
    month UInt32,
    row_count UInt64,
    id_set_hash UInt64,
    token String CODEC(ZSTD(1)),
    inserted_at DateTime64(3, 'UTC')
)
-- The same range and month inserted again is the same line; recovery may add what was missing under another token.
ENGINE = ReplacingMergeTree(inserted_at)
ORDER BY (partition, from_offset, to_offset, month, token)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
