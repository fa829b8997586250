/* bench::rows */
-- One event of one order. merge_order.sql follows.
INSERT INTO baseline.orders AS o (order_id, status, last_updated, sequence, first_sequence, winners,
    customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason)
SELECT order_id, status, occurred_at, sequence, sequence, '',
    details ->> 'customer_id', details ->> 'restaurant_id', (details ->> 'total_cents')::bigint, details ->> 'currency',
    CASE WHEN event = 'OrderCreated' THEN occurred_at END,
    CASE WHEN event = 'OrderPaid' THEN occurred_at END,
    CASE WHEN event = 'OrderShipped' THEN occurred_at END,
    CASE WHEN event = 'OrderDelivered' THEN occurred_at END,
    CASE WHEN event = 'OrderCancelled' THEN occurred_at END,
    details ->> 'payment_method', details ->> 'courier_id', details ->> 'reason'
FROM (VALUES ($1::text, $2::text, $3::text, $4::int, $5::timestamptz, $6::jsonb))
    AS incoming (order_id, event, status, sequence, occurred_at, details)
