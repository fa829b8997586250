/* views::builds::add_history_indexes */
-- The indexes of a build's history. They are not in tables.sql because a bulk load is faster without them.

-- One btree serves uniqueness and an order's history.
ALTER TABLE {build}.order_history ADD PRIMARY KEY (order_id, partition, "offset");
CREATE INDEX order_history_appended_at ON {build}.order_history USING brin (appended_at);
