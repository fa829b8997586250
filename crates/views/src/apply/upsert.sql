/* views::apply::upsert */
-- The easy case of the merge: every incoming record outranks all that the row holds,
-- and no event type comes a second time. Then each incoming group wins as a whole.
-- All other rows are only locked here, and folded again from their history.
INSERT INTO {build}.orders AS o (order_id, status, last_updated, sequence, first_sequence,
    customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason, details)
SELECT order_id, status, last_updated, sequence, first_sequence,
    customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason, details
FROM unnest($1::{build}.orders[]) AS incoming
ON CONFLICT (order_id) DO UPDATE SET
    status = excluded.status,
    last_updated = excluded.last_updated,
    sequence = excluded.sequence,
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
    cancel_reason = COALESCE(excluded.cancel_reason, o.cancel_reason),
    details = CASE WHEN excluded.details IS NULL THEN o.details
        WHEN o.details IS NULL THEN excluded.details
        ELSE o.details || excluded.details END
WHERE o.sequence < excluded.first_sequence
    AND (o.created_at IS NULL OR excluded.created_at IS NULL)
    AND (o.paid_at IS NULL OR excluded.paid_at IS NULL)
    AND (o.shipped_at IS NULL OR excluded.shipped_at IS NULL)
    AND (o.delivered_at IS NULL OR excluded.delivered_at IS NULL)
    AND (o.cancelled_at IS NULL OR excluded.cancelled_at IS NULL)
