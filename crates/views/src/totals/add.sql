/* views::totals::prepare */
-- $1 is the partition; the others are by how much the columns change.
INSERT INTO {build}.totals AS t (partition, pending, paid, shipped, delivered, cancelled, records, open_dead_letters)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (partition) DO UPDATE SET
    pending = t.pending + excluded.pending,
    paid = t.paid + excluded.paid,
    shipped = t.shipped + excluded.shipped,
    delivered = t.delivered + excluded.delivered,
    cancelled = t.cancelled + excluded.cancelled,
    records = t.records + excluded.records,
    open_dead_letters = t.open_dead_letters + excluded.open_dead_letters
