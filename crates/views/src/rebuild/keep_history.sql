/* views::rebuild::keep_history::run_in */
-- Copies the records that {live} has below these positions and {build} has not: $1 are the partitions, $2 the
-- positions, $3 the decisions. All parts of the statement see the same snapshot, so what one of them
-- inserts is still missing for the other.
WITH planned AS (
    SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS planned (partition, upto, kept_by)
), lost AS MATERIALIZED (
    SELECT partition, "offset" FROM {live}.order_history JOIN planned USING (partition) WHERE "offset" < upto
    UNION
    SELECT partition, "offset" FROM {live}.dead_letters JOIN planned USING (partition) WHERE "offset" < upto
    EXCEPT
    (SELECT partition, "offset" FROM {build}.order_history UNION ALL SELECT partition, "offset" FROM {build}.dead_letters)
), history AS (
    INSERT INTO {build}.order_history ("offset", occurred_at, appended_at, event_id, trace_id, partition, sequence, event,
        order_id, details, other_event_id, other_trace_id, decision, kept_by)
    SELECT "offset", occurred_at, appended_at, event_id, trace_id, partition, sequence, event, order_id, details,
        other_event_id, other_trace_id, decision, planned.kept_by
    FROM (SELECT "offset", occurred_at, appended_at, event_id, trace_id, partition, sequence, event, order_id, details,
        other_event_id, other_trace_id, decision FROM {live}.order_history) AS live
    JOIN lost USING (partition, "offset") JOIN planned USING (partition)
    RETURNING 1
), dead_letters AS (
    INSERT INTO {build}.dead_letters (partition, "offset", state, cause, error, order_id, key, payload, payload_bytes,
        headers, appended_at, dead_lettered_at, decision, kept_by)
    SELECT partition, "offset", state, cause, error, order_id, key, payload, payload_bytes, headers, appended_at,
        dead_lettered_at, decision, planned.kept_by
    FROM (SELECT partition, "offset", state, cause, error, order_id, key, payload, payload_bytes, headers, appended_at,
        dead_lettered_at, decision FROM {live}.dead_letters) AS live
    JOIN lost USING (partition, "offset") JOIN planned USING (partition)
    RETURNING state
)
SELECT (SELECT count(*) FROM history), (SELECT count(*) FROM dead_letters),
    (SELECT count(*) FROM dead_letters WHERE state = 'open')
