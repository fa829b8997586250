/* views::builds::create */
-- The tables of one build of view orders. Their indexes are made later, by …_indexes.sql; their parts, if they have
-- several, by part.sql. {build} is the schema; {divided} is empty, or divides a table into parts.

CREATE SCHEMA {build};

CREATE TABLE {build}.orders (
    created_at timestamptz,
    total_cents bigint,
    last_updated timestamptz NOT NULL,
    paid_at timestamptz,
    shipped_at timestamptz,
    delivered_at timestamptz,
    cancelled_at timestamptz,
    sequence integer NOT NULL,
    first_sequence integer NOT NULL,
    status "char" NOT NULL,
    status_before "char",
    winners bytea NOT NULL,
    payment_method text,
    courier_id text,
    cancel_reason text,
    details text,
    order_id text COLLATE "C" NOT NULL,
    customer_id text,
    restaurant_id text,
    currency text
) {divided};
-- The wide columns come before the narrow ones, so that no padding lies between them. What an event does not change
-- stands at both ends: of a HOT update the WAL has only what lies between the equal ends of the old row and the new one.
COMMENT ON TABLE {build}.orders IS 'One row per order: the merge of its records.';
COMMENT ON COLUMN {build}.orders.order_id IS 'Text of 1 to 128 characters.';
COMMENT ON COLUMN {build}.orders.status IS 'C pending, P paid, S shipped, D delivered or X cancelled: the code of the event with the highest sequence, ties by the earliest in log order.';
COMMENT ON COLUMN {build}.orders.status_before IS 'The status before the row was last written; null: there was no row. Only the statement that writes it reads it, to change table totals.';
COMMENT ON COLUMN {build}.orders.last_updated IS 'occurred_at of the record that gave the status.';
COMMENT ON COLUMN {build}.orders.sequence IS 'Sequence of the record that gave the status.';
COMMENT ON COLUMN {build}.orders.first_sequence IS 'Lowest sequence of the batch that last wrote this row. Only the upsert reads it.';
COMMENT ON COLUMN {build}.orders.winners IS 'Which records gave the columns, one per event type, in the form of crates/views/src/winners.rs. Only the program that writes this table reads it.';
COMMENT ON COLUMN {build}.orders.customer_id IS 'From OrderCreated.';
COMMENT ON COLUMN {build}.orders.restaurant_id IS 'From OrderCreated.';
COMMENT ON COLUMN {build}.orders.total_cents IS 'From OrderCreated; hundredths of the currency.';
COMMENT ON COLUMN {build}.orders.currency IS 'From OrderCreated.';
COMMENT ON COLUMN {build}.orders.created_at IS 'occurred_at of OrderCreated.';
COMMENT ON COLUMN {build}.orders.paid_at IS 'occurred_at of OrderPaid.';
COMMENT ON COLUMN {build}.orders.shipped_at IS 'occurred_at of OrderShipped.';
COMMENT ON COLUMN {build}.orders.delivered_at IS 'occurred_at of OrderDelivered.';
COMMENT ON COLUMN {build}.orders.cancelled_at IS 'occurred_at of OrderCancelled.';
COMMENT ON COLUMN {build}.orders.payment_method IS 'From OrderPaid.';
COMMENT ON COLUMN {build}.orders.courier_id IS 'From OrderShipped.';
COMMENT ON COLUMN {build}.orders.cancel_reason IS 'From OrderCancelled, field reason.';
COMMENT ON COLUMN {build}.orders.details IS 'Fields that have no column (items, amount_cents, unknown ones): the members of a JSON object without its braces, as the log has them. If a name occurs twice, the last one counts: that of the record with the higher sequence. Null: none.';

CREATE TABLE {build}.order_history (
    "offset" bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    appended_at timestamptz NOT NULL,
    event_id uuid,
    trace_id uuid,
    partition integer NOT NULL,
    sequence integer NOT NULL,
    event "char" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    details text,
    other_event_id text,
    other_trace_id text,
    decision bigint,
    kept_by bigint
) {divided};
COMMENT ON TABLE {build}.order_history IS 'Every record of the log once, except dead letters.';
COMMENT ON COLUMN {build}.order_history.partition IS 'Kafka partition.';
COMMENT ON COLUMN {build}.order_history."offset" IS 'Kafka offset.';
COMMENT ON COLUMN {build}.order_history.order_id IS 'The order that the event is about.';
COMMENT ON COLUMN {build}.order_history.event IS 'C OrderCreated, P OrderPaid, S OrderShipped, D OrderDelivered or X OrderCancelled.';
COMMENT ON COLUMN {build}.order_history.sequence IS 'As the event says, else the lifecycle rank (created 1 … cancelled 5).';
COMMENT ON COLUMN {build}.order_history.event_id IS 'As the event says, if that is a UUID in its usual form: lower case, with hyphens.';
COMMENT ON COLUMN {build}.order_history.occurred_at IS 'As the event says, else the append time.';
COMMENT ON COLUMN {build}.order_history.appended_at IS 'The record''s time stamp: when the broker appended it (with message.timestamp.type=LogAppendTime).';
COMMENT ON COLUMN {build}.order_history.details IS 'All other fields of the event: a JSON object, as the log has it. Null: none.';
COMMENT ON COLUMN {build}.order_history.other_event_id IS 'Any other event id; topic-partition-offset if the event has none. Null: event_id has it.';
COMMENT ON COLUMN {build}.order_history.trace_id IS 'Of the record''s traceparent header.';
COMMENT ON COLUMN {build}.order_history.other_trace_id IS 'The same, if it is not in lower case as the standard says. Null: trace_id has it, or there is none.';
COMMENT ON COLUMN {build}.order_history.decision IS 'The retry that admitted it, where it was a dead letter before.';
COMMENT ON COLUMN {build}.order_history.kept_by IS 'The decision to keep it: the log had lost the record, and the row comes from the build before. Null: it comes from the log.';

CREATE TABLE {build}.positions (
    view text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    owner_epoch bigint NOT NULL,
    owner text,
    owner_backend text,
    leader_epoch integer,
    fingerprint text,
    last_appended_at timestamptz,
    records bigint NOT NULL DEFAULT 0,
    digest bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (view, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE {build}.positions IS 'Per view and partition: the next offset to apply, and which process may apply it.';
COMMENT ON COLUMN {build}.positions.view IS 'The view.';
COMMENT ON COLUMN {build}.positions.partition IS 'Kafka partition.';
COMMENT ON COLUMN {build}.positions.next_offset IS 'Offset of the next record to apply; never that of the last one.';
COMMENT ON COLUMN {build}.positions.owner_epoch IS 'Raised by every claim; a commit under an older epoch is refused.';
COMMENT ON COLUMN {build}.positions.owner IS 'The process that claimed the partition last.';
COMMENT ON COLUMN {build}.positions.owner_backend IS 'Its database session: pid and start time in microseconds, so that a frozen owner''s session can be ended.';
COMMENT ON COLUMN {build}.positions.leader_epoch IS 'Leader epoch of the last applied record, where known.';
COMMENT ON COLUMN {build}.positions.fingerprint IS 'offset:append time in ms:hash of the last applied record.';
COMMENT ON COLUMN {build}.positions.last_appended_at IS 'Append time of the last applied record.';
COMMENT ON COLUMN {build}.positions.records IS 'How many records below next_offset were read: those applied and those dead-lettered.';
COMMENT ON COLUMN {build}.positions.digest IS 'The sum of the digests of these records; the bits of an unsigned number.';

CREATE TABLE {build}.log_checkpoints (
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    records bigint NOT NULL,
    digest bigint NOT NULL,
    PRIMARY KEY (partition, next_offset)
);
COMMENT ON TABLE {build}.log_checkpoints IS 'The digest of the log at the multiples of 65536 offsets that a position has passed, of a hole the first and the last one: where two readings of the log differ, it tells in which range.';
COMMENT ON COLUMN {build}.log_checkpoints.partition IS 'Kafka partition.';
COMMENT ON COLUMN {build}.log_checkpoints.next_offset IS 'The row is about the records below this offset.';
COMMENT ON COLUMN {build}.log_checkpoints.records IS 'How many of them were read.';
COMMENT ON COLUMN {build}.log_checkpoints.digest IS 'The sum of their digests; the bits of an unsigned number.';

CREATE TABLE {build}.dead_letters (
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'retried', 'discarded')),
    cause text NOT NULL,
    error text NOT NULL,
    order_id text COLLATE "C",
    key bytea,
    payload bytea,
    payload_bytes integer NOT NULL,
    headers jsonb NOT NULL,
    appended_at timestamptz NOT NULL,
    dead_lettered_at timestamptz NOT NULL DEFAULT now(),
    decision bigint,
    kept_by bigint,
    PRIMARY KEY (partition, "offset")
);
CREATE INDEX dead_letters_open ON {build}.dead_letters (order_id) WHERE state = 'open';
-- For lists by state: there may be many of the other states.
CREATE INDEX dead_letters_state ON {build}.dead_letters (state, partition, "offset");
-- For reads as of a cut: a dead letter that is closed now may have been open then.
CREATE INDEX dead_letters_order_id ON {build}.dead_letters (order_id);
COMMENT ON TABLE {build}.dead_letters IS 'Dead letters: records that could not be applied.';
COMMENT ON COLUMN {build}.dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN {build}.dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN {build}.dead_letters.state IS 'open, retried or discarded.';
COMMENT ON COLUMN {build}.dead_letters.cause IS 'empty_value, too_large, unknown_schema_version, bad_json, nul_character, missing_field, wrong_type, out_of_range, unknown_event, status_contradicts_event, unknown_schema, unsupported_schema, unreadable_schema, schema_mismatch or refused_by_database.';
COMMENT ON COLUMN {build}.dead_letters.error IS 'What exactly was wrong with the record.';
COMMENT ON COLUMN {build}.dead_letters.order_id IS 'The order that is incomplete without it; null where it could not be read.';
COMMENT ON COLUMN {build}.dead_letters.key IS 'The record''s key, cut at 64 KiB.';
COMMENT ON COLUMN {build}.dead_letters.payload IS 'The record''s value, cut at 64 KiB; the log has all of it. Null: the record had none.';
COMMENT ON COLUMN {build}.dead_letters.payload_bytes IS 'Length of the value in the log.';
COMMENT ON COLUMN {build}.dead_letters.headers IS 'The record''s headers: a list of [name, value]. A backslash is written as two, a NUL and each byte that is not valid UTF-8 as \xNN. Beyond 64 KiB they are left out, and the last entry, named \cut, says so.';
COMMENT ON COLUMN {build}.dead_letters.appended_at IS 'The record''s time stamp.';
COMMENT ON COLUMN {build}.dead_letters.dead_lettered_at IS 'When it was dead-lettered in this build.';
COMMENT ON COLUMN {build}.dead_letters.decision IS 'The decision that closed it.';
COMMENT ON COLUMN {build}.dead_letters.kept_by IS 'The decision to keep it, as in order_history.';

CREATE TABLE {build}.totals (
    partition integer PRIMARY KEY,
    pending bigint NOT NULL,
    paid bigint NOT NULL,
    shipped bigint NOT NULL,
    delivered bigint NOT NULL,
    cancelled bigint NOT NULL,
    records bigint NOT NULL,
    open_dead_letters bigint NOT NULL
) WITH (fillfactor = 10);
-- fillfactor 10: every batch updates a row, and finds room for it on the same page.
COMMENT ON TABLE {build}.totals IS 'How many rows the other tables have. Only the sum over all partitions means anything: the records of an order may lie in several partitions, and a batch adds all its changes to the row of one of the partitions that it has read.';
COMMENT ON COLUMN {build}.totals.partition IS 'Kafka partition; −1 for what operators decide and a rebuild derives. There are several rows so that these and the consumers do not wait for each other.';
COMMENT ON COLUMN {build}.totals.pending IS 'Orders that became pending, less those that became something else.';
COMMENT ON COLUMN {build}.totals.paid IS 'The same of paid.';
COMMENT ON COLUMN {build}.totals.shipped IS 'The same of shipped.';
COMMENT ON COLUMN {build}.totals.delivered IS 'The same of delivered.';
COMMENT ON COLUMN {build}.totals.cancelled IS 'The same of cancelled.';
COMMENT ON COLUMN {build}.totals.records IS 'Rows of order_history.';
COMMENT ON COLUMN {build}.totals.open_dead_letters IS 'Dead letters that were written open, less those that were closed.';

CREATE TABLE {build}.log_identity (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    cluster_id text NOT NULL,
    topic text NOT NULL,
    topic_id text,
    partitions integer NOT NULL
);
COMMENT ON TABLE {build}.log_identity IS 'The log that this build was made from. Empty until a consumer or a rebuild has read it for the first time.';
COMMENT ON COLUMN {build}.log_identity.singleton IS 'Keeps the table at one row.';
COMMENT ON COLUMN {build}.log_identity.cluster_id IS 'Kafka''s cluster id.';
COMMENT ON COLUMN {build}.log_identity.topic IS 'The topic''s name.';
COMMENT ON COLUMN {build}.log_identity.topic_id IS 'The topic''s id, if the client could ask for it.';
COMMENT ON COLUMN {build}.log_identity.partitions IS 'Partitions seen so far.';
