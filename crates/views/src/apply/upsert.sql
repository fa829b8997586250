/* views::order_columns::upsert */
-- The easy case of the merge: every incoming record outranks all records in the row, and no event type
-- arrives a second time. Then each incoming group wins entirely. All other rows are only locked here, and
-- are merged in Rust. order_columns.rs fills in what is in braces.
WITH written AS (
    INSERT INTO {build}.orders AS o ({columns})
    SELECT {columns}
    FROM unnest($1::{build}.orders[]) AS incoming
    ON CONFLICT (order_id) DO UPDATE SET
    {assignments}
    WHERE o.sequence < excluded.first_sequence{conditions}
    RETURNING o.status_before, o.status
)
SELECT status_before, status, count(*) FROM written GROUP BY status_before, status
