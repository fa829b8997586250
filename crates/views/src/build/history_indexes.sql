/* views::builds::add_history_indexes */
-- The indexes of a build's history. They are not in tables.sql because a bulk load is faster without them.

-- One btree serves uniqueness and an order's history.
ALTER TABLE {build}.order_history ADD PRIMARY KEY (order_id, partition, "offset");
-- For the list of the latest orders, and for reads as of an early time. As the table is only appended to, what the
-- index says about a range of pages is said once, by apply/summarise.sql.
CREATE INDEX order_history_times ON {build}.order_history USING brin (occurred_at, appended_at) WITH (pages_per_range = 32);
