-- What a build's tables need before they serve; apart from tables.sql because a
-- bulk load is faster without.

ALTER TABLE {build}.orders ADD PRIMARY KEY (order_id);
-- No index on a column that an event changes: it would end HOT updates.
-- One btree for uniqueness and for an order's history.
ALTER TABLE {build}.order_history ADD PRIMARY KEY (order_id, partition, "offset");
CREATE INDEX order_history_appended_at ON {build}.order_history USING brin (appended_at);
