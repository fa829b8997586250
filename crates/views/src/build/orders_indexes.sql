-- What a build's orders need before they serve; apart from tables.sql because a
-- bulk load is faster without.

-- No index on a column that an event changes: it would end HOT updates.
ALTER TABLE {build}.orders ADD PRIMARY KEY (order_id);
