/* views::order_columns::upsert */
-- The easy case of the merge: every incoming record outranks all that the row holds, and no event type
-- comes a second time. Then each incoming group wins as a whole. All other rows are only locked here,
-- and folded again from their history. What is in braces comes from order_columns.rs.
INSERT INTO {build}.orders AS o ({columns})
SELECT {columns}
FROM unnest($1::{build}.orders[]) AS incoming
ON CONFLICT (order_id) DO UPDATE SET
    {assignments}
WHERE o.sequence < excluded.first_sequence{conditions}
