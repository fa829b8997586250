-- The as-of queries merge the history in SQL. A row that no version of the program writes has to be an
-- error there that names the record, not an empty value.
CREATE FUNCTION refuse_damaged_history(partition integer, record_offset bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $$
BEGIN
    RAISE EXCEPTION 'order_history is damaged at partition %, offset %', partition, record_offset
        USING ERRCODE = 'data_corrupted',
            HINT = 'Run replay-rebuild, which makes the tables again from the log.';
END
$$;
COMMENT ON FUNCTION refuse_damaged_history(integer, bigint) IS 'Never returns: raises an error that names the record. Called by the as-of queries for rows that they cannot read.';
