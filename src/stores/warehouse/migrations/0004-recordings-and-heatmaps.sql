-- The key has no time: a recording that is sent again later has another one, because the door's clock corrects it, and is the
-- same recording. Names as PostHog has them in session_recording_events and session_replay_events.
CREATE TABLE IF NOT EXISTS sluice.session_recording_events
(
    uuid UUID,
    timestamp DateTime64(6, 'UTC'),
    team_id Int64,
    distinct_id String,
    session_id String,
    window_id String,
    snapshot_source LowCardinality(String),
    snapshot_library String,
    snapshot_data String CODEC(ZSTD(1)),
    event_count UInt32,
    size UInt64,
    created_at DateTime64(3, 'UTC'),
    accepted_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC'),
    version UInt64,
    _incarnation UInt32,
    _partition UInt16,
    _offset UInt64,
    _index UInt16,
    INDEX accepted_at_minmax accepted_at TYPE minmax GRANULARITY 1,
    INDEX offset_minmax _offset TYPE minmax GRANULARITY 1,
    INDEX timestamp_minmax timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (team_id, session_id, uuid)
TTL expires_at
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS sluice.heatmaps
(
    uuid UUID,
    timestamp DateTime64(6, 'UTC'),
    team_id Int64,
    distinct_id String,
    session_id String,
    current_url String CODEC(ZSTD(1)),
    viewport_width Int32,
    viewport_height Int32,
    properties String CODEC(ZSTD(1)),
    created_at DateTime64(3, 'UTC'),
    accepted_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC'),
    version UInt64,
    _incarnation UInt32,
    _partition UInt16,
    _offset UInt64,
    _index UInt16,
    day Date32 MATERIALIZED toDate32(timestamp),
    INDEX accepted_at_minmax accepted_at TYPE minmax GRANULARITY 1,
    INDEX offset_minmax _offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (team_id, day, uuid)
TTL expires_at
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
-- Whose rows a line is about: '' is the table of events, which had all lines before there were others.
ALTER TABLE sluice.ingest_ledger ADD COLUMN IF NOT EXISTS of_table String,
    MODIFY ORDER BY (partition, from_offset, to_offset, month, token, of_table);
