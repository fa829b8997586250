/* views::apply::replace */
-- Writes rows that were folded again from their whole history.
UPDATE {build}.orders AS o SET
    status = incoming.status,
    last_updated = incoming.last_updated,
    sequence = incoming.sequence,
    first_sequence = incoming.first_sequence,
    customer_id = incoming.customer_id,
    restaurant_id = incoming.restaurant_id,
    total_cents = incoming.total_cents,
    currency = incoming.currency,
    created_at = incoming.created_at,
    paid_at = incoming.paid_at,
    shipped_at = incoming.shipped_at,
    delivered_at = incoming.delivered_at,
    cancelled_at = incoming.cancelled_at,
    payment_method = incoming.payment_method,
    courier_id = incoming.courier_id,
    cancel_reason = incoming.cancel_reason,
    details = incoming.details::jsonb
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::int[], $5::int[],
    $6::text[], $7::text[], $8::bigint[], $9::text[],
    $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
    $15::text[], $16::text[], $17::text[], $18::text[])
    AS incoming (order_id, status, last_updated, sequence, first_sequence,
    customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason, details)
WHERE o.order_id = incoming.order_id
