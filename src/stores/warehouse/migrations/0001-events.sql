CREATE TABLE IF NOT EXISTS sluice.events
(
    uuid UUID,
    event LowCardinality(String),
    properties String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC'),
    team_id Int64,
    distinct_id String,
    created_at DateTime64(3, 'UTC'),
    accepted_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC'),
    version UInt64,
    _incarnation UInt32,
    _partition UInt16,
    _offset UInt64,
    _index UInt16,
    -- Recovery and verify look rows up by acceptance and offset, which the order of the table knows nothing about.
    INDEX accepted_at_minmax accepted_at TYPE minmax GRANULARITY 1,
    INDEX offset_minmax _offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))
TTL expires_at
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
