-- Build 1 as projection version 1 had made it: the same rows in the tables of that version, which
-- kept no totals, and its public views.
DROP VIEW public.orders, public.order_history;
ALTER TABLE build_1.orders RENAME TO orders_2;
ALTER TABLE build_1.orders_2 RENAME CONSTRAINT orders_pkey TO orders_2_pkey;
ALTER TABLE build_1.order_history RENAME TO order_history_2;
ALTER TABLE build_1.order_history_2 RENAME CONSTRAINT order_history_pkey TO order_history_2_pkey;

CREATE TABLE build_1.orders (
    order_id text COLLATE "C" PRIMARY KEY, status text NOT NULL, last_updated timestamptz NOT NULL, sequence integer NOT NULL,
    first_sequence integer NOT NULL, winners bytea NOT NULL, customer_id text, restaurant_id text, total_cents bigint,
    currency text, created_at timestamptz, paid_at timestamptz, shipped_at timestamptz, delivered_at timestamptz,
    cancelled_at timestamptz, payment_method text, courier_id text, cancel_reason text, details jsonb
);
INSERT INTO build_1.orders
SELECT order_id, CASE status WHEN 'C' THEN 'pending' ELSE 'paid' END, last_updated, sequence, first_sequence, winners,
    customer_id, restaurant_id, total_cents, currency, created_at, paid_at, shipped_at, delivered_at, cancelled_at,
    payment_method, courier_id, cancel_reason, ('{' || details || '}')::jsonb
FROM build_1.orders_2;

CREATE TABLE build_1.order_history (
    partition integer NOT NULL, "offset" bigint NOT NULL, order_id text COLLATE "C" NOT NULL, event text NOT NULL,
    status text NOT NULL, sequence integer NOT NULL, event_id text NOT NULL, occurred_at timestamptz NOT NULL,
    appended_at timestamptz NOT NULL, details jsonb, trace_id text, decision bigint, kept_by bigint,
    PRIMARY KEY (order_id, partition, "offset")
);
INSERT INTO build_1.order_history
SELECT partition, "offset", order_id, CASE event WHEN 'C' THEN 'OrderCreated' ELSE 'OrderPaid' END,
    CASE event WHEN 'C' THEN 'pending' ELSE 'paid' END, sequence, COALESCE(event_id::text, other_event_id), occurred_at,
    appended_at, details::jsonb, trace_id::text, decision, kept_by
FROM build_1.order_history_2;
DROP TABLE build_1.orders_2, build_1.order_history_2, build_1.totals;

CREATE VIEW public.orders AS
SELECT order_id, status, last_updated, sequence, customer_id, restaurant_id, total_cents, currency,
    created_at, paid_at, shipped_at, delivered_at, cancelled_at, payment_method, courier_id, cancel_reason, details
FROM build_1.orders;
CREATE VIEW public.order_history AS
SELECT partition, "offset", order_id, event, status, sequence, event_id, occurred_at, appended_at, details,
    trace_id, decision, kept_by
FROM build_1.order_history;
UPDATE public.builds SET projection_version = 1 WHERE id = 1;
