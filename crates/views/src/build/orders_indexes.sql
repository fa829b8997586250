/* views::builds::add_orders_indexes */
-- The indexes of a build's orders. They are not in tables.sql because a bulk load is faster without them.

-- There is no btree on a column that an event changes: updates would not be HOT any more.
ALTER TABLE {build}.orders ADD PRIMARY KEY (order_id);
