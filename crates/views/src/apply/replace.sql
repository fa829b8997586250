/* views::order_columns::replace */
-- Writes rows that were folded again from their whole history. What is in braces comes from order_columns.rs.
UPDATE {build}.orders AS o SET
    {assignments}
FROM unnest($1::{build}.orders[]) AS incoming
WHERE o.order_id = incoming.order_id
