/* views::order_columns::update */
-- The easy case of the merge, as in upsert.sql, for orders that are known: it leaves out the orders that have no row,
-- and does not lock the rows that it does not take. order_columns.rs fills in what is in braces.
WITH written AS (
    UPDATE {build}.orders AS o SET
    {assignments}
    FROM unnest($1::{build}.orders[]) AS incoming
    WHERE o.order_id = incoming.order_id AND o.sequence < incoming.first_sequence{conditions}
    RETURNING o.status_before, o.status
)
SELECT status_before, status, count(*) FROM written GROUP BY status_before, status
