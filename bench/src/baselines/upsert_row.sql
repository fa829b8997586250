/* bench::rows */
-- One event of one order, merged into what is there: the highest sequence gives the status.
INSERT INTO {schema}.orders AS o (order_id, status, last_updated, sequence, first_sequence,
    customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason)
SELECT order_id, status, occurred_at, sequence, sequence,
    details ->> 'customer_id', details ->> 'restaurant_id', (details ->> 'total_cents')::bigint, details ->> 'currency',
    CASE WHEN event = 'OrderCreated' THEN occurred_at END,
    CASE WHEN event = 'OrderPaid' THEN occurred_at END,
    CASE WHEN event = 'OrderShipped' THEN occurred_at END,
    CASE WHEN event = 'OrderDelivered' THEN occurred_at END,
    CASE WHEN event = 'OrderCancelled' THEN occurred_at END,
    details ->> 'payment_method', details ->> 'courier_id', details ->> 'reason'
FROM (VALUES ($1::text, $2::text, $3::text, $4::int, $5::timestamptz, $6::jsonb))
    AS incoming (order_id, event, status, sequence, occurred_at, details)
ON CONFLICT (order_id) DO UPDATE SET
    status = CASE WHEN o.sequence < excluded.sequence THEN excluded.status ELSE o.status END,
    last_updated = CASE WHEN o.sequence < excluded.sequence THEN excluded.last_updated ELSE o.last_updated END,
    sequence = greatest(o.sequence, excluded.sequence),
    first_sequence = excluded.first_sequence,
    customer_id = COALESCE(excluded.customer_id, o.customer_id),
    restaurant_id = COALESCE(excluded.restaurant_id, o.restaurant_id),
    total_cents = COALESCE(excluded.total_cents, o.total_cents),
    currency = COALESCE(excluded.currency, o.currency),
    created_at = COALESCE(excluded.created_at, o.created_at),
    paid_at = COALESCE(excluded.paid_at, o.paid_at),
    shipped_at = COALESCE(excluded.shipped_at, o.shipped_at),
    delivered_at = COALESCE(excluded.delivered_at, o.delivered_at),
    cancelled_at = COALESCE(excluded.cancelled_at, o.cancelled_at),
    payment_method = COALESCE(excluded.payment_method, o.payment_method),
    courier_id = COALESCE(excluded.courier_id, o.courier_id),
    cancel_reason = COALESCE(excluded.cancel_reason, o.cancel_reason)
