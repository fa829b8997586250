//! Single records of the history that are read in bulk.

use orders::{Offset, Partition};

use super::order_set::literal;

/// Rows of the history, by their primary key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSet {
    order_ids: Vec<String>,
    partitions: Vec<String>,
    offsets: Vec<String>,
}

impl RecordSet {
    pub(super) fn push(&mut self, order_id: &str, partition: Partition, offset: Offset) {
        self.order_ids.push(literal(order_id));
        self.partitions.push(partition.to_string());
        self.offsets.push(offset.to_string());
    }

    /// A query of these columns, order by order: COPY takes no parameters. OFFSET 0 leaves the planner no other way
    /// than one look-up per record.
    pub(super) fn query(&self, columns: &str) -> String {
        let [order_ids, partitions, offsets] =
            [&self.order_ids, &self.partitions, &self.offsets].map(|values| values.join(","));
        format!(
            "/* views::rebuild::record_set::query */ SELECT found.* FROM unnest(ARRAY[{order_ids}]::text[], ARRAY[{partitions}]::int[], ARRAY[{offsets}]::bigint[])
                 AS wanted (order_id, partition, \"offset\")
             CROSS JOIN LATERAL (
                 SELECT {columns} FROM {{build}}.order_history AS h
                 WHERE h.order_id = wanted.order_id AND h.partition = wanted.partition AND h.\"offset\" = wanted.\"offset\"
                 OFFSET 0
             ) AS found ORDER BY found.order_id"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_quoted() {
        let mut records = RecordSet::default();
        records.push("a'", Partition(1), Offset(7));
        records.push("b", Partition(0), Offset(8));
        let query = records.query("event");
        assert!(
            query.contains("unnest(ARRAY[E'a''',E'b']::text[], ARRAY[1,0]::int[], ARRAY[7,8]::bigint[])"),
            "{query}"
        );
    }
}
