/* views::builds::add_orders_indexes */
-- The indexes of a part of a build's orders, or of orders that have parts, as in history_indexes.sql.

-- There is no btree on a column that an event changes: updates would not be HOT any more.
ALTER TABLE {build}.orders{part} ADD PRIMARY KEY (order_id);
