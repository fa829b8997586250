/* views::totals::counted_totals */
-- In the order of the columns of table totals.
SELECT count(*) FILTER (WHERE o.status = 'C'), count(*) FILTER (WHERE o.status = 'P'),
    count(*) FILTER (WHERE o.status = 'S'), count(*) FILTER (WHERE o.status = 'D'), count(*) FILTER (WHERE o.status = 'X'),
    (SELECT count(*) FROM {build}.order_history),
    (SELECT count(*) FROM {build}.dead_letters WHERE state = 'open')
FROM {build}.orders o
