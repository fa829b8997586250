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
    details = incoming.details
FROM unnest($1::{build}.orders[]) AS incoming
WHERE o.order_id = incoming.order_id
