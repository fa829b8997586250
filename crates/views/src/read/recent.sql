/* views::read::recent::recent */
-- A page of the orders that were updated last, found by the records that updated them: an order was last updated when the
-- record occurred that gave it its status, and that record has the status's code. So the latest records, latest first,
-- name the orders in the order of the list; those that were outranked or followed by another record are passed over.
--
-- $1 latest time, $2 at this time only orders beyond this id, $3 code of the status or null, $4 orders wanted,
-- $5 records to look at, $6 which pages of the history to sample, counted from its end, $7 for how many pages each stands.
-- {build} is the schema; {columns} and {incomplete} are what is read of an order. The history may have {parts} parts:
-- then the pages of one, {part}, are sampled, and stand for those of all.
--
-- The pages that are sampled lie farther apart towards the beginning of the table. If the records of each occurred no later
-- than those of the pages for which it stands, $5 records lie beyond the time that is estimated here. The estimate decides
-- only how much of the history is looked at: whatever it is, a full page is the right one.
WITH history AS (
    SELECT pg_relation_size('{build}.order_history{part}') / current_setting('block_size')::bigint AS pages
), sampled AS (
    SELECT h.occurred_at, s.pages
    FROM history
    CROSS JOIN unnest($6::bigint[], $7::int[]) AS s (distance, pages)
    CROSS JOIN LATERAL (
        SELECT h.occurred_at, h.order_id, h.event
        FROM {build}.order_history{part} h
        WHERE h.ctid >= format('(%s,0)', greatest(history.pages - s.distance, 0))::tid
            AND h.ctid < format('(%s,0)', greatest(history.pages - s.distance, 0) + 1)::tid
        -- So that the pages are read by their numbers.
        OFFSET 0
    ) h
    -- The first page of the table stands for what is left.
    WHERE s.distance - s.pages < history.pages
        AND (h.occurred_at < $1 OR h.occurred_at = $1 AND h.order_id > $2)
        AND ($3::"char" IS NULL OR h.event = $3)
    ORDER BY h.occurred_at DESC
    LIMIT $5
), estimated AS (
    SELECT min(e.occurred_at) AS since
    FROM (
        SELECT s.occurred_at, {parts} * (sum(s.pages) OVER (ORDER BY s.occurred_at DESC ROWS UNBOUNDED PRECEDING) - s.pages) AS later
        FROM sampled s
    ) e
    -- Of one part among several, a few records tell too little.
    WHERE e.later < $5 + 16 * ({parts} - 1)
), latest AS (
    SELECT h.occurred_at, h.order_id
    FROM {build}.order_history h
    WHERE h.occurred_at >= (SELECT since FROM estimated) AND h.occurred_at <= $1
        AND (h.occurred_at < $1 OR h.order_id > $2)
        AND ($3::"char" IS NULL OR h.event = $3)
    ORDER BY h.occurred_at DESC, h.order_id
    LIMIT $5
)
SELECT {columns}, {incomplete}
FROM (
    SELECT o.*
    FROM (
        -- Two records of an order may have the same time.
        SELECT DISTINCT ON (l.occurred_at, l.order_id) l.occurred_at, l.order_id
        FROM latest l
        ORDER BY l.occurred_at DESC, l.order_id
    ) l
    CROSS JOIN LATERAL (
        SELECT o.*
        FROM {build}.orders o
        WHERE o.order_id = l.order_id AND o.last_updated = l.occurred_at AND ($3::"char" IS NULL OR o.status = $3)
        OFFSET 0
    ) o
    ORDER BY l.occurred_at DESC, l.order_id
    LIMIT $4
) o
ORDER BY o.last_updated DESC, o.order_id
