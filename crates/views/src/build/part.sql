/* views::builds::create */
-- One of several parts of a build's tables: the orders with the same remainder of the hash of their ids, and their
-- records. {build} is the schema, {part} the end of the part's names.

CREATE TABLE {build}.orders{part} PARTITION OF {build}.orders FOR VALUES WITH (MODULUS {parts}, REMAINDER {number});
CREATE TABLE {build}.order_history{part} PARTITION OF {build}.order_history FOR VALUES WITH (MODULUS {parts}, REMAINDER {number});
