-- Indexes that new builds get from crates/views/src/build/*.sql. A build that is being made gets that of its orders at
-- its end.
DO $$
DECLARE
    build record;
BEGIN
    FOR build IN SELECT id, state FROM builds WHERE state <> 'dropped' LOOP
        EXECUTE format('CREATE INDEX IF NOT EXISTS letters_order_id ON build_%s.letters (order_id)', build.id);
        IF build.state <> 'building' AND current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE format(
                'CREATE INDEX IF NOT EXISTS orders_last_updated ON build_%s.orders USING brin (last_updated) WITH (pages_per_range = 32)',
                build.id);
        END IF;
    END LOOP;
END $$;
