-- What a build's orders need before they serve; apart from tables.sql because a
-- bulk load is faster without.

-- No btree on a column that an event changes: it would end HOT updates.
ALTER TABLE {build}.orders ADD PRIMARY KEY (order_id);

-- A BRIN index leaves them HOT, from PostgreSQL 16 on: for the list of the orders updated last.
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        CREATE INDEX orders_last_updated ON {build}.orders USING brin (last_updated) WITH (pages_per_range = 32);
    END IF;
END $$;
