/* bench::copy_upsert */
-- One row per order of the batch. merge_order.sql follows.
INSERT INTO baseline.orders AS o (order_id, status, last_updated, sequence, first_sequence, winners,
    customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason)
SELECT order_id, (array_agg(status ORDER BY sequence DESC))[1], (array_agg(occurred_at ORDER BY sequence DESC))[1],
    max(sequence), min(sequence), '',
    max(details ->> 'customer_id'), max(details ->> 'restaurant_id'),
    max((details ->> 'total_cents')::bigint), max(details ->> 'currency'),
    max(occurred_at) FILTER (WHERE event = 'OrderCreated'),
    max(occurred_at) FILTER (WHERE event = 'OrderPaid'),
    max(occurred_at) FILTER (WHERE event = 'OrderShipped'),
    max(occurred_at) FILTER (WHERE event = 'OrderDelivered'),
    max(occurred_at) FILTER (WHERE event = 'OrderCancelled'),
    max(details ->> 'payment_method'), max(details ->> 'courier_id'), max(details ->> 'reason')
FROM staging
GROUP BY order_id
