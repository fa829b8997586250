/* views::read::head::sql */
-- The active build, whichever build the other tables here belong to: the reader compares the two.
-- {build} is the schema that it guessed.
SELECT b.id AS build, b.projection_version, b.max_record_bytes, b.parts,
    (SELECT coalesce(max(d.id), 0) FROM public.decisions d) AS decision,
    {open_dead_letters} AS open_dead_letters,
    p.partitions, p.next_offsets, p.last_appended_at
FROM public.builds b
CROSS JOIN (
    SELECT coalesce(array_agg(partition ORDER BY partition), '{}') AS partitions,
        coalesce(array_agg(next_offset ORDER BY partition), '{}') AS next_offsets,
        coalesce(array_agg(last_appended_at ORDER BY partition), '{}') AS last_appended_at
    FROM {build}.positions
    WHERE view = 'orders'
) p
WHERE b.view = 'orders' AND b.state = 'active'
