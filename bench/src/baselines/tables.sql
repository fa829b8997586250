/* bench::server */
-- The tables of the baselines: columns of text and jsonb, as such consumers usually have them. Primary keys and
-- indexes are those of this system's tables.
CREATE SCHEMA baseline;

CREATE TABLE baseline.orders (
    order_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    last_updated timestamptz NOT NULL,
    sequence integer NOT NULL,
    first_sequence integer NOT NULL,
    winners bytea NOT NULL,
    customer_id text,
    restaurant_id text,
    total_cents bigint,
    currency text,
    created_at timestamptz,
    paid_at timestamptz,
    shipped_at timestamptz,
    delivered_at timestamptz,
    cancelled_at timestamptz,
    payment_method text,
    courier_id text,
    cancel_reason text,
    details jsonb
) WITH (fillfactor = 40);

CREATE TABLE baseline.order_history (
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    event text NOT NULL,
    status text NOT NULL,
    sequence integer NOT NULL,
    event_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    appended_at timestamptz NOT NULL,
    details jsonb,
    trace_id text,
    decision bigint,
    kept_by bigint
);

ALTER TABLE baseline.order_history ADD PRIMARY KEY (order_id, partition, "offset");
CREATE INDEX order_history_times ON baseline.order_history USING brin (occurred_at, appended_at) WITH (pages_per_range = 32);

ALTER TABLE baseline.orders ADD PRIMARY KEY (order_id);
