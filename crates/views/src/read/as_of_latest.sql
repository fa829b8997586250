-- The part of as_of.sql that says which record gives an order its status: the highest
-- sequence, ties by the earliest in log order. Enough to count orders by status and to
-- sort them by last_updated, for a third of the cost. The same test holds both.
-- Parameters and what is in braces are those of as_of.sql.
-- A subquery in parentheses: the statement around it has the tag.
(
SELECT DISTINCT ON (h.order_id) h.order_id, h.event AS status, h.occurred_at AS last_updated
FROM {build}.order_history h
WHERE h.{time} <= $1
    AND ($2::bigint[] IS NULL OR h."offset" < ($2::bigint[])[h.partition + 1])
    AND (h.decision IS NULL OR h.decision <= $3)
ORDER BY h.order_id, h.sequence DESC, h.appended_at, h.partition, h."offset"
)
