/* views::builds::create */
-- How a part of a build's tables is stored. PostgreSQL takes no such settings for a table that has parts.

-- An order's later events find room on the page of its row, so that updates are HOT and touch no index.
ALTER TABLE {build}.orders{part} SET (fillfactor = 40);
