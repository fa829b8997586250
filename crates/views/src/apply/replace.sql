/* views::order_columns::replace */
-- Writes rows that were merged in Rust. order_columns.rs fills in what is in braces. The rows exist and are locked; ON
-- CONFLICT finds each by the primary key, whatever the planner knows about the table.
WITH written AS (
    INSERT INTO {build}.orders AS o ({columns})
    SELECT {columns}
    FROM unnest($1::{build}.orders[]) AS incoming
    ON CONFLICT (order_id) DO UPDATE SET
    {assignments}
    RETURNING o.status_before, o.status
)
SELECT status_before, status, count(*) FROM written GROUP BY status_before, status
