-- What a build's history needs before it serves; apart from tables.sql because a
-- bulk load is faster without.

-- One btree for uniqueness and for an order's history.
ALTER TABLE {build}.order_history ADD PRIMARY KEY (order_id, partition, "offset");
CREATE INDEX order_history_appended_at ON {build}.order_history USING brin (appended_at);
