-- The merge of crates/orders/src/fold.rs a second time, on purpose: the orders as the
-- records within a cut make them. A property test (tests/as_of.rs) holds the two equal.
--
-- $1 time, $2 dense offsets by partition + 1 or null, $3 decision.
-- In braces, to be replaced:
-- build   the schema
-- time    appended_at or occurred_at: the clock of the cut
-- only    empty, or a condition on h that leaves out all records of some orders
-- up      ASC or DESC: the direction in which the orders are sorted by id
-- A subquery in parentheses: the statement around it has the tag.
(
SELECT f.order_id,
    f.latest AS status,
    CASE f.latest
        WHEN 'C' THEN f.created_at WHEN 'P' THEN f.paid_at WHEN 'S' THEN f.shipped_at WHEN 'D' THEN f.delivered_at
        ELSE f.cancelled_at
    END AS last_updated,
    f.sequence, f.customer_id, f.restaurant_id, f.total_cents, f.currency,
    f.created_at, f.paid_at, f.shipped_at, f.delivered_at, f.cancelled_at,
    f.payment_method, f.courier_id, f.cancel_reason, NULLIF(f.details, '{}') AS details
FROM (
    -- Each order has one row per event type here, so min() only picks it.
    SELECT w.order_id,
        max(w.sequence) AS sequence,
        -- Both ordered aggregates share one sort: the last row wins.
        (array_agg(w.event ORDER BY w.sequence, w.appended_at DESC, w.partition DESC, w."offset" DESC))[count(*)] AS latest,
        jsonb_overlay(
            w.details - CASE w.event
                WHEN 'C' THEN '{customer_id,restaurant_id,total_cents,currency}'::text[]
                WHEN 'P' THEN '{payment_method}'::text[]
                WHEN 'S' THEN '{courier_id}'::text[]
                WHEN 'X' THEN '{reason}'::text[]
                ELSE '{}'::text[]
            END
            ORDER BY w.sequence, w.appended_at DESC, w.partition DESC, w."offset" DESC
        ) AS details,
        min(w.occurred_at) FILTER (WHERE w.event = 'C') AS created_at,
        min(w.occurred_at) FILTER (WHERE w.event = 'P') AS paid_at,
        min(w.occurred_at) FILTER (WHERE w.event = 'S') AS shipped_at,
        min(w.occurred_at) FILTER (WHERE w.event = 'D') AS delivered_at,
        min(w.occurred_at) FILTER (WHERE w.event = 'X') AS cancelled_at,
        min(w.details ->> 'customer_id') FILTER (WHERE w.event = 'C') AS customer_id,
        min(w.details ->> 'restaurant_id') FILTER (WHERE w.event = 'C') AS restaurant_id,
        min((w.details ->> 'total_cents')::bigint) FILTER (WHERE w.event = 'C') AS total_cents,
        min(w.details ->> 'currency') FILTER (WHERE w.event = 'C') AS currency,
        min(w.details ->> 'payment_method') FILTER (WHERE w.event = 'P') AS payment_method,
        min(w.details ->> 'courier_id') FILTER (WHERE w.event = 'S') AS courier_id,
        min(w.details ->> 'reason') FILTER (WHERE w.event = 'X') AS cancel_reason
    FROM (
        SELECT u.order_id, u.event, u.sequence, u.occurred_at, u.appended_at, u.partition, u."offset",
            -- A damaged row is an error that names it, as in history.rs.
            CASE WHEN u.event IN ('C', 'P', 'S', 'D', 'X') AND (u.details IS NULL OR u.details LIKE '{%')
                THEN u.details::jsonb ELSE refuse_damaged_history(u.partition, u."offset") END AS details
        FROM (
            SELECT DISTINCT ON (h.order_id, h.event)
                h.order_id, h.event, h.sequence, h.occurred_at, h.appended_at, h.partition, h."offset", h.details
            FROM {build}.order_history h
            WHERE h.{time} <= $1
                AND ($2::bigint[] IS NULL OR h."offset" < ($2::bigint[])[h.partition + 1])
                AND (h.decision IS NULL OR h.decision <= $3)
                {only}
            ORDER BY h.order_id {up}, h.event, h.sequence DESC, h.appended_at, h.partition, h."offset"
        ) u
        -- Without OFFSET 0, the planner would parse the details of a record once for every column. But OFFSET 0 also
        -- hides from the planner that the rows are sorted. Without ORDER BY, a list would merge all orders before it
        -- returned the first one.
        ORDER BY u.order_id {up} OFFSET 0
    ) w
    GROUP BY w.order_id
    ORDER BY w.order_id {up}
) f
)
