//! The server settings that our SQL depends on, with the values that it is written for. Start-up options outrank what
//! the server, the database or the role set.
//!
//! They are those that any role may set and that all supported servers have. A test of the faults gives a role every
//! setting that a role may be given, all of them oddly, and runs the programs.

/// Says that the start-up options have reached the server. A pooler drops them or refuses them.
pub(crate) const ARRIVED: &str = "food_orders.session";

/// Settings that only newer servers have, so that they cannot be start-up options, and their values.
pub(crate) const PINNED_IF_KNOWN: [(&str, &str); 2] = [
    // As `statement_timeout`; PostgreSQL 17 and later.
    ("transaction_timeout", "0"),
    // It would keep us from reading our own views.
    ("restrict_nonsystem_relation_kind", ""),
];

pub(super) const PINNED: &[(&str, &str)] = &[
    (ARRIVED, "on"),
    // The migrations do not name a schema, nor does as_of.sql where it calls its functions.
    ("search_path", "public"),
    // Decisions, owner epochs and switches have to be on disk when their commits return; a lane's batches
    // need not be.
    ("synchronous_commit", "on"),
    // A batch, or a step of a rebuild, that takes longer than a limit would be tried again without end.
    ("statement_timeout", "0"),
    // A transaction that must not wait long for a lock sets this itself.
    ("lock_timeout", "0"),
    // A transaction is idle between its statements, if only for a moment; a switch's is for longer.
    ("idle_in_transaction_session_timeout", "0"),
    // A session that holds an advisory lock is idle for as long as its process runs.
    ("idle_session_timeout", "0"),
    // Our side notices a peer that is gone, and a short limit on the server's side would end healthy sessions.
    ("tcp_user_timeout", "0"),
    // A record that PostgreSQL refuses must not cost the session.
    ("exit_on_error", "off"),
    // A statement has to see what was committed while an earlier one waited for a lock: claims, switches,
    // and orders that are merged. Under a snapshot of the transaction they would fail.
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // default_transaction_read_only is not pinned. A hosting provider may set it while a disk is nearly full, and
    // then nothing should be written. The programs wait until it is reset.
    // Notices such as "does not exist, skipping" say nothing new.
    ("client_min_messages", "warning"),
    // How literals and operators are read.
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("escape_string_warning", "off"),
    ("transform_null_equals", "off"),
    ("array_nulls", "on"),
    // How values are printed and read as text, such as in an error or a generated statement.
    ("bytea_output", "hex"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
    ("xmloption", "content"),
    // Where and how tables are made. Another tablespace or access method may not exist for long, or cannot do
    // what the tables need.
    ("default_tablespace", ""),
    ("temp_tablespaces", ""),
    ("default_table_access_method", "heap"),
    ("check_function_bodies", "on"),
    // A policy on a table is an error instead of a filter only for pg_dump.
    ("row_security", "on"),
    // Compiling a query takes longer than nearly all of ours, and a plan that has to use a disabled method seems so
    // expensive that it is always compiled.
    ("jit", "off"),
    // Less would send small sorts to temporary files, whose size may be limited.
    ("work_mem", "4MB"),
    // Plans that a read or a batch depends on. Without an index scan, each look-up reads the complete table.
    ("plan_cache_mode", "auto"),
    ("enable_bitmapscan", "on"),
    ("enable_hashagg", "on"),
    ("enable_hashjoin", "on"),
    ("enable_indexonlyscan", "on"),
    ("enable_indexscan", "on"),
    ("enable_material", "on"),
    ("enable_memoize", "on"),
    ("enable_mergejoin", "on"),
    ("enable_nestloop", "on"),
    ("enable_partition_pruning", "on"),
    ("enable_seqscan", "on"),
    ("enable_sort", "on"),
    ("enable_tidscan", "on"),
    ("cursor_tuple_fraction", "0.1"),
    ("from_collapse_limit", "8"),
    ("join_collapse_limit", "8"),
];
