/* views::order_columns::replace */
-- Writes rows that were folded again from their entire history. order_columns.rs fills in what is in braces.
UPDATE {build}.orders AS o SET
    {assignments}
FROM unnest($1::{build}.orders[]) AS incoming
WHERE o.order_id = incoming.order_id
