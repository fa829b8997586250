/* views::builds::activate */
-- The public views of the active build, for psql and BI. New columns are only ever added at the end.
-- {build} is the schema.

CREATE OR REPLACE VIEW public.orders AS
SELECT order_id,
    CASE status
        WHEN 'C' THEN 'pending' WHEN 'P' THEN 'paid' WHEN 'S' THEN 'shipped' WHEN 'D' THEN 'delivered' WHEN 'X' THEN 'cancelled'
    END AS status,
    last_updated, sequence, customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at, payment_method, courier_id, cancel_reason,
    ('{' || details || '}')::jsonb AS details
FROM {build}.orders;

CREATE OR REPLACE VIEW public.order_history AS
SELECT partition, "offset", order_id,
    CASE event
        WHEN 'C' THEN 'OrderCreated' WHEN 'P' THEN 'OrderPaid' WHEN 'S' THEN 'OrderShipped' WHEN 'D' THEN 'OrderDelivered'
        WHEN 'X' THEN 'OrderCancelled'
    END AS event,
    CASE event
        WHEN 'C' THEN 'pending' WHEN 'P' THEN 'paid' WHEN 'S' THEN 'shipped' WHEN 'D' THEN 'delivered' WHEN 'X' THEN 'cancelled'
    END AS status,
    sequence, COALESCE(event_id::text, other_event_id) AS event_id, occurred_at, appended_at, details::jsonb AS details,
    COALESCE(replace(trace_id::text, '-', ''), other_trace_id) AS trace_id, decision, kept_by
FROM {build}.order_history;

CREATE OR REPLACE VIEW public.positions AS
SELECT view, partition, next_offset, owner_epoch, owner, owner_backend, leader_epoch, fingerprint, last_appended_at
FROM {build}.positions;

CREATE OR REPLACE VIEW public.dead_letters AS
SELECT partition, "offset", state, cause, error, order_id, key, payload, payload_bytes, headers, appended_at,
    dead_lettered_at, decision, kept_by
FROM {build}.dead_letters;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'food_orders_reader') THEN
        GRANT SELECT ON public.orders, public.order_history, public.positions TO food_orders_reader;
    END IF;
END
$$;
