-- The index on last_updated that new builds get from crates/views/src/build/orders_indexes.sql.
-- A build that is being made gets it at its end.
DO $$
DECLARE
    build record;
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        FOR build IN SELECT id FROM builds WHERE state IN ('active', 'superseded') LOOP
            EXECUTE format(
                'CREATE INDEX IF NOT EXISTS orders_last_updated ON build_%s.orders USING brin (last_updated) WITH (pages_per_range = 32)',
                build.id);
        END LOOP;
    END IF;
END $$;
