/* views::builds::add_history_indexes */
-- The indexes of a part of a build's history; or of a history that has parts, once these have theirs, which it takes as its
-- own. They are not in tables.sql because a bulk load is faster without them.

-- One btree serves uniqueness and an order's history.
ALTER TABLE {build}.order_history{part} ADD PRIMARY KEY (order_id, partition, "offset");
-- For the list of the latest orders, and for reads as of an early time. As the table is only appended to, what the
-- index says about a range of pages is said once, by apply/summarise.sql.
CREATE INDEX order_history{part}_times ON {build}.order_history{part} USING brin (occurred_at, appended_at)
    WITH (pages_per_range = 32);
