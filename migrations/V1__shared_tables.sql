-- What all builds of all views share. crates/views/src/build/tables.sql makes the tables of a build, in a
-- schema build_N for each row of builds.

CREATE TABLE builds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view text NOT NULL,
    projection_version integer NOT NULL,
    max_record_bytes integer CHECK (max_record_bytes > 0),
    parts smallint NOT NULL CHECK (parts BETWEEN 1 AND 32),
    state text NOT NULL CHECK (state IN ('building', 'active', 'superseded', 'dropped')),
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    superseded_at timestamptz
);
CREATE UNIQUE INDEX builds_one_active ON builds (view) WHERE state = 'active';
COMMENT ON TABLE builds IS 'One generation of a view''s tables, positions, dead letters and log identity, in schema build_<id>. Exactly one per view is active.';
COMMENT ON COLUMN builds.id IS 'The N of schema build_N; what the header View-Build names.';
COMMENT ON COLUMN builds.view IS 'The view that was built: orders.';
COMMENT ON COLUMN builds.projection_version IS 'The version of the view that the code makes. A consumer writes only to builds of its own version.';
COMMENT ON COLUMN builds.max_record_bytes IS 'Records whose key, value and headers are larger together are dead letters. Decided by whoever writes to the build first; null: nobody has.';
COMMENT ON COLUMN builds.parts IS 'Into how many tables its orders, and those of their records, are divided by the hash of the order id; 1: they are not divided.';
COMMENT ON COLUMN builds.state IS 'building, active, superseded (kept for a rollback) or dropped.';
COMMENT ON COLUMN builds.created_at IS 'When its schema was made.';
COMMENT ON COLUMN builds.activated_at IS 'When reads were last switched to it.';
COMMENT ON COLUMN builds.superseded_at IS 'When reads were last switched away from it.';

CREATE TABLE rebuilds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view text NOT NULL,
    build bigint REFERENCES builds (id),
    state text NOT NULL CHECK (state IN ('planned', 'loading', 'deriving', 'catching_up', 'verifying', 'ready', 'switching',
        'active', 'cancelled', 'failed', 'superseded', 'rolled_back')),
    switch text NOT NULL CHECK (switch IN ('auto', 'manual')),
    keep_history text,
    parts smallint CHECK (parts BETWEEN 1 AND 32),
    reason text,
    plan jsonb,
    progress jsonb,
    differences jsonb,
    verified jsonb,
    runner text,
    cancel_requested_by text,
    requested_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX rebuilds_one_running ON rebuilds (view)
    WHERE state IN ('planned', 'loading', 'deriving', 'catching_up', 'verifying', 'ready', 'switching');
COMMENT ON TABLE rebuilds IS 'One row per rebuild: the state machine that replay-rebuild and POST /rebuilds drive.';
COMMENT ON COLUMN rebuilds.id IS 'The id in /rebuilds/{id}.';
COMMENT ON COLUMN rebuilds.view IS 'The view being rebuilt.';
COMMENT ON COLUMN rebuilds.build IS 'The build being made; null while planned.';
COMMENT ON COLUMN rebuilds.state IS 'planned, loading, deriving, catching_up, verifying, ready, switching, active; or cancelled, failed; later superseded, rolled_back.';
COMMENT ON COLUMN rebuilds.switch IS 'auto: the build is switched in as soon as it is verified. manual: it waits in state ready.';
COMMENT ON COLUMN rebuilds.keep_history IS 'Why records that the log no longer holds are taken over from the active build; null: they are not.';
COMMENT ON COLUMN rebuilds.parts IS 'Into how many parts the new build is to be divided, see builds.parts; null: as many as the active build.';
COMMENT ON COLUMN rebuilds.reason IS 'Why it failed or was cancelled.';
COMMENT ON COLUMN rebuilds.plan IS 'What was found before the start: events, bytes, disk needed and free, estimated seconds, end offsets.';
COMMENT ON COLUMN rebuilds.progress IS 'Per partition the position reached and the end; events per second.';
COMMENT ON COLUMN rebuilds.differences IS 'What verifying found, by key and column; null: nothing differs.';
COMMENT ON COLUMN rebuilds.verified IS 'Up to where the build was verified: a list of [partition, next offset]. What is applied later is verified before the switch.';
COMMENT ON COLUMN rebuilds.runner IS 'The process that drives it.';
COMMENT ON COLUMN rebuilds.cancel_requested_by IS 'Where somebody has asked to cancel it, such as api; null: nobody has. The process that drives it looks every second.';
COMMENT ON COLUMN rebuilds.requested_at IS 'When it was asked for.';
COMMENT ON COLUMN rebuilds.updated_at IS 'When this row last changed.';
COMMENT ON COLUMN rebuilds.finished_at IS 'When it became active, cancelled or failed.';

CREATE TABLE decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('retry', 'discard', 'accept_gap', 'keep_history')),
    view text NOT NULL,
    partition integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset bigint NOT NULL,
    reason text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    cause text,
    error text,
    order_id text COLLATE "C"
);
CREATE INDEX decisions_by_record ON decisions (view, partition, from_offset);
COMMENT ON TABLE decisions IS 'Numbered acts of operators. They are not in the log: a rebuild from offset 0 reads them from this table.';
COMMENT ON COLUMN decisions.id IS 'The decision''s number; decision= in a cut.';
COMMENT ON COLUMN decisions.kind IS 'retry or discard a dead letter, accept a gap in the log, or keep history: what the log has lost was taken over into a new build.';
COMMENT ON COLUMN decisions.view IS 'The view it is about.';
COMMENT ON COLUMN decisions.partition IS 'The partition it is about.';
COMMENT ON COLUMN decisions.from_offset IS 'The dead letter''s offset, the first offset of the gap, or 0 for kept history.';
COMMENT ON COLUMN decisions.to_offset IS 'One past the last offset that it is about.';
COMMENT ON COLUMN decisions.reason IS 'Why, in the operator''s words.';
COMMENT ON COLUMN decisions.decided_at IS 'When it was taken.';
-- The dead letter is kept as it was. A rebuild makes the closed dead letter from it: by then the record may decode,
-- and would not tell any more why it was refused.
COMMENT ON COLUMN decisions.cause IS 'Cause of the dead letter when it was decided about; null: not about a dead letter.';
COMMENT ON COLUMN decisions.error IS 'Error of the dead letter when it was decided about.';
COMMENT ON COLUMN decisions.order_id IS 'The order that the dead letter marked as incomplete; null: none.';

CREATE TABLE deployment (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    group_id text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE deployment IS 'The one consumer group that may write to this database.';
COMMENT ON COLUMN deployment.singleton IS 'Keeps the table at one row.';
COMMENT ON COLUMN deployment.id IS 'Names this database to the consumers of other databases. A restored backup keeps it.';
COMMENT ON COLUMN deployment.group_id IS 'The Kafka group id of the running consumers.';
COMMENT ON COLUMN deployment.since IS 'When that group took the database over.';

-- As with ||, of the same field the later argument wins; over a group of rows.
CREATE AGGREGATE jsonb_overlay(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');
COMMENT ON AGGREGATE jsonb_overlay(jsonb) IS 'Merges objects in the given order: of the same field the last one wins. Used by the as-of queries.';

-- The as-of queries merge the history in SQL. There, too, a row that no version of the program writes has
-- to be an error that names the record, not an empty value.
CREATE FUNCTION refuse_damaged_history(partition integer, record_offset bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $$
BEGIN
    RAISE EXCEPTION 'order_history is damaged at partition %, offset %', partition, record_offset
        USING ERRCODE = 'data_corrupted',
            HINT = 'Run replay-rebuild, which makes the tables again from the log.';
END
$$;
COMMENT ON FUNCTION refuse_damaged_history(integer, bigint) IS 'Never returns: raises an error that names the record. Called by the as-of queries for rows that they cannot read.';

-- For psql and BI. Where this user may not create roles, an administrator can:
-- the views grant to it whenever it exists.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'food_orders_reader') THEN
        CREATE ROLE food_orders_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END
$$;
