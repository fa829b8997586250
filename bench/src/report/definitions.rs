//! What the numbers mean. The report prints it below them.

/// See the module.
pub const DEFINITIONS: [&str; 12] = [
    "seconds of drain: from the claim of the partitions (reading begins) to the moment when all positions in PostgreSQL \
     have reached the end of the log, observed every 10 ms; without start-up, joining the group and leaving it",
    "seconds of copy, copy-2: from the first BEGIN to the last COMMIT; the same rows that a drain wrote, in the same \
     compact form and order, from memory, into the same table with the same indexes; on one connection in one transaction, or on two",
    "seconds of read and of the baselines: from the first assignment of partitions to the last commit",
    "process: from the start of the process to its end, with start-up and joining the group",
    "ratio: rate divided by that of copy in the same repetition; median of the repetitions",
    "CPU: user and system time per event, of the measured process and of all processes of PostgreSQL; \
     busy: share of the processors' time that was not idle; others: share that was used by other processes (the broker is one of them)",
    "WAL: bytes of the write-ahead log per event; disk: bytes of history and orders per event, and of orders per order, with \
     indexes and TOAST (pg_total_relation_size) at the end of the step, of the new tables after a rebuild; copy writes no orders",
    "all sessions that write have synchronous_commit=off, the consumer's default; the baselines write tables of their own with \
     the same keys and indexes, but with the columns that such consumers usually have: names as text, details as jsonb \
     (in the history; their orders have none)",
    "rows-1000 and rows-1 stop after --sample-seconds; all other steps process the entire backlog",
    "rebuild-load: the time for loading the history, as replay-rebuild records it; rebuild: the entire process, until the \
     new tables are verified and active",
    "latency-*: from the producer's send (linger 1 ms) to the first query of a reader that sees the row, with a query every \
     one or two milliseconds; the first five seconds are not counted; events of the usual shape; half-drain: meanwhile the producer writes at half the rate of the warm-up's drain",
    "get-*, list*: answers of the API per second to four clients, each with one request at a time, from the first byte sent to \
     the last one received; all programs share the processors",
];
