-- A row may have 32 MB. A merge holds a block of each part: with a hundred parts of ten megabytes each, as it is by default, it would
-- take half of the memory that ClickHouse has here.
ALTER TABLE sluice.session_recording_events
    MODIFY SETTING merge_max_block_size_bytes = 1048576, max_parts_to_merge_at_once = 10;
