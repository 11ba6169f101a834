-- The keys of the order are stored, so that resolving versions computes no hashes; properties that everybody asks for get
-- columns (property-columns.ts). The table changes places with a copy only when the copy is whole, so that a start which
-- ends anywhere in between begins anew.
DROP TABLE IF EXISTS sluice.events_copy SYNC;
CREATE TABLE IF NOT EXISTS sluice.events_copy
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
    day Date32 MATERIALIZED toDate32(timestamp),
    distinct_hash UInt64 MATERIALIZED cityHash64(distinct_id),
    property_browser_5a2351c0f6 String MATERIALIZED if(JSONExtractString(properties, '$browser') != '' OR position(properties, '"$browser"') = 0 OR isValidJSON(properties), JSONExtractString(properties, '$browser'), multiIf(simpleJSONExtractRaw(properties, '$browser') = 'null', '', startsWith(simpleJSONExtractRaw(properties, '$browser'), '"'), simpleJSONExtractString(properties, '$browser'), simpleJSONExtractRaw(properties, '$browser'))) COMMENT '$browser',
    property_os_1db487e958 String MATERIALIZED if(JSONExtractString(properties, '$os') != '' OR position(properties, '"$os"') = 0 OR isValidJSON(properties), JSONExtractString(properties, '$os'), multiIf(simpleJSONExtractRaw(properties, '$os') = 'null', '', startsWith(simpleJSONExtractRaw(properties, '$os'), '"'), simpleJSONExtractString(properties, '$os'), simpleJSONExtractRaw(properties, '$os'))) COMMENT '$os',
    property_device_type_ec9125d066 String MATERIALIZED if(JSONExtractString(properties, '$device_type') != '' OR position(properties, '"$device_type"') = 0 OR isValidJSON(properties), JSONExtractString(properties, '$device_type'), multiIf(simpleJSONExtractRaw(properties, '$device_type') = 'null', '', startsWith(simpleJSONExtractRaw(properties, '$device_type'), '"'), simpleJSONExtractString(properties, '$device_type'), simpleJSONExtractRaw(properties, '$device_type'))) COMMENT '$device_type',
    property_pathname_aee0267639 String MATERIALIZED if(JSONExtractString(properties, '$pathname') != '' OR position(properties, '"$pathname"') = 0 OR isValidJSON(properties), JSONExtractString(properties, '$pathname'), multiIf(simpleJSONExtractRaw(properties, '$pathname') = 'null', '', startsWith(simpleJSONExtractRaw(properties, '$pathname'), '"'), simpleJSONExtractString(properties, '$pathname'), simpleJSONExtractRaw(properties, '$pathname'))) COMMENT '$pathname',
    property_referring_domain_32aca6b7bf String MATERIALIZED if(JSONExtractString(properties, '$referring_domain') != '' OR position(properties, '"$referring_domain"') = 0 OR isValidJSON(properties), JSONExtractString(properties, '$referring_domain'), multiIf(simpleJSONExtractRaw(properties, '$referring_domain') = 'null', '', startsWith(simpleJSONExtractRaw(properties, '$referring_domain'), '"'), simpleJSONExtractString(properties, '$referring_domain'), simpleJSONExtractRaw(properties, '$referring_domain'))) COMMENT '$referring_domain',
    -- Recovery and verify look rows up by acceptance and offset, which the order of the table knows nothing about.
    INDEX accepted_at_minmax accepted_at TYPE minmax GRANULARITY 1,
    INDEX offset_minmax _offset TYPE minmax GRANULARITY 1,
    -- The order has days; the index lets a range of times find its days.
    INDEX timestamp_minmax timestamp TYPE minmax GRANULARITY 1,
    INDEX uuid_bloom uuid TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (day, team_id, event, distinct_hash, uuid)
TTL expires_at
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
INSERT INTO sluice.events_copy (uuid, event, properties, timestamp, team_id, distinct_id, created_at, accepted_at,
    expires_at, version, _incarnation, _partition, _offset, _index)
SELECT uuid, event, properties, timestamp, team_id, distinct_id, created_at, accepted_at,
    expires_at, version, _incarnation, _partition, _offset, _index
FROM sluice.events
SETTINGS insert_deduplicate = 0, optimize_on_insert = 0, max_partitions_per_insert_block = 0, max_insert_threads = 1,
    max_threads = 1, min_insert_block_size_rows = 200000, min_insert_block_size_bytes = 134217728;
EXCHANGE TABLES sluice.events AND sluice.events_copy;
DROP TABLE IF EXISTS sluice.events_copy SYNC;
