/* views::builds::add_orders_indexes */
-- The indexes of a build's orders. They are not in tables.sql because a bulk load is faster without them.

-- There is no btree on a column that an event changes: updates would not be HOT any more.
ALTER TABLE {build}.orders ADD PRIMARY KEY (order_id);

-- For the list of the latest orders. From PostgreSQL 16 on, updates of a column with a BRIN index stay HOT.
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        CREATE INDEX orders_last_updated ON {build}.orders USING brin (last_updated) WITH (pages_per_range = 32);
    END IF;
END $$;
