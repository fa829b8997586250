-- Merges a row into an existing order: the event with the highest sequence sets the status.
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
