/* views::apply::summarise::add */
-- Summarises the last ranges of pages of the history's BRIN index, or of those of its parts. A range without a summary is
-- read by every query that uses the index, and without this it would have none before the next VACUUM. {build} is the schema.
DO $$
DECLARE
    -- As history_indexes.sql sets it.
    pages_per_range CONSTANT bigint := 32;
    part regclass;
    range bigint;
BEGIN
    FOR part IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = to_regnamespace('{build}') AND c.relkind = 'r' AND c.relname ~ '^order_history(_[0-9]+)?$'
    LOOP
        BEGIN
            -- VACUUM, ANALYZE or another lane that does the same has this lock. What is left out now is made up for the
            -- next time.
            EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', part);
            -- The last range that is full.
            range := pg_relation_size(part) / current_setting('block_size')::bigint / pages_per_range - 1;
            -- Back to one that has a summary: so do those before it, unless the server failed in the middle of this. Then
            -- VACUUM makes up for it.
            WHILE range >= 0 AND brin_summarize_range((part || '_times')::regclass, range * pages_per_range) > 0 LOOP
                range := range - 1;
            END LOOP;
        EXCEPTION
            -- While a history is loaded it has no index; another role may own the index. A list is slower then, but right.
            WHEN lock_not_available OR undefined_table OR insufficient_privilege THEN
                NULL;
        END;
    END LOOP;
END $$
