# shellcheck shell=bash
# Writing and reading the tables: ownership, merging, sessions, damaged rows.

mutate compare-and-set crates/views/src/apply/writer.rs \
  's~\n *AND p\.owner_epoch = moved\.owner_epoch AND p\.next_offset = moved\.from_offset~~' \
  -p views --test ownership
# shellcheck disable=SC2016  # $3 belongs to the SQL
mutate epoch-raise crates/views/src/ownership/claim.rs \
  's~SET owner_epoch = p\.owner_epoch \+ 1, owner = \$3~SET owner_epoch = p.owner_epoch, owner = \$3~' \
  -p views --test ownership
mutate frozen-owner crates/views/src/ownership/claim.rs \
  's~frozen::end_owners\(database, backend, is_over\.notified\(\)\)~is_over.notified()~' \
  -p views --test ownership
mutate digest-of-batch crates/views/src/apply/writer.rs \
  's~let digest = held\.digest \+ advance\.digest;~let digest = held.digest;~' \
  -p views --test ownership
mutate checkpoints crates/views/src/apply/writer.rs \
  's~\n *checkpoints::write\(.*?\)\.await\?;~~' \
  -p views --test ownership

mutate upsert-guard crates/views/src/apply/upsert.sql \
  's~\n *WHERE o\.sequence < .*~~' \
  "${faults[@]}" fault_27 fault_28 fault_29
mutate update-guard crates/views/src/apply/update.sql \
  's~ AND o\.sequence < incoming\.first_sequence\{conditions\}~~' \
  -p views --test large_batches
mutate status-before crates/views/src/order_columns.rs \
  's~Merge::Before\(of\) => format!\("\{name\} = o\.\{of\}"\)~Merge::Before(_) => format!("{name} = NULL")~' \
  -p views --test large_batches --test races
mutate copied-orders-counted crates/views/src/apply/orders.rs \
  's~let \(stream, mut changes\) = stream\(new\);~let (stream, mut changes) = (stream(new).0, Totals::default());~' \
  -p views --test large_batches
mutate replaced-orders-counted crates/views/src/apply/orders.rs \
  's~changes \+= replaced;~let _ = replaced;~' \
  -p views --test large_batches --test races
mutate closed-dead-letters-counted crates/views/src/dead_letters/decide.rs \
  's~\n *changes\.open_dead_letters -= rows\.len\(\) as i64;~~' \
  -p api --test http -- dead_letters::
mutate orders-left-over crates/views/src/apply/orders.rs \
  's~if updated\.rows == known\.len\(\)~if updated.rows <= known.len()~' \
  -p views --test large_batches
mutate winners-kept crates/views/src/order_columns.rs \
  's~\{name\} = o\.\{name\} \|\| \{new\}\.\{name\}"\),~{name} = {new}.{name}"),~' \
  -p views --lib -- refold::
# Each merge reads the complete history of its orders.
mutate winners-alone crates/views/src/apply/refold.rs \
  's~for orders in untaken\.chunks\(ORDERS_AT_ONCE\) \{~$&
            let ids: Vec<&str> = orders.iter().map(|order| order.order_id).collect();
            let all = format!("SELECT {} FROM build_1.order_history WHERE order_id = ANY(\$1)", crate::history::FACT_COLUMNS);
            let mut complete = OrderState::default();
            let rows = client.query(&all, &[&ids]).await.map_err(Error::during("reading a history"))?;
            for row in &rows {
                complete.add(FactRow::read(&mut RowValues::of_query(row))?.fact()?);
            }~' \
  "${faults[@]}" fault_53
mutate portions crates/views/src/apply/winning_records.rs \
  's~if size \+ bytes > PORTION_BYTES && index > start~if size + bytes == usize::MAX~' \
  -p views --lib -- winning_records::
mutate parts crates/views/src/lane/parts.rs \
  's~if bytes \+ size > PART_BYTES && bytes > 0~if bytes + size == usize::MAX~' \
  -p views --lib -- parts::

mutate search-path crates/views/src/session/pinned.rs \
  's~\n *\("search_path", "public"\),~~' \
  "${faults[@]}" fault_55
mutate statement-timeout crates/views/src/session/pinned.rs \
  's~\n *\("statement_timeout", "0"\),~~' \
  -p views --lib -- connect::
mutate lock-timeout crates/views/src/session/pinned.rs \
  's~\n *\("lock_timeout", "0"\),~~' \
  -p views --lib -- connect::
mutate idle-session-timeout crates/views/src/session/pinned.rs \
  's~\n *\("idle_session_timeout", "0"\),~~' \
  -p views --lib -- connect::
mutate isolation-level crates/views/src/session/pinned.rs \
  's~\n *\("default_transaction_isolation", "read committed"\),~~' \
  -p views --lib -- connect::
mutate transaction-timeout crates/views/src/session/pinned.rs \
  's~\("transaction_timeout", "0"\)~("none", "0")~' \
  -p views --lib -- connect::
mutate encoding crates/views/src/connect/check.rs \
  's~if encoding != ENCODING~if encoding.is_empty() \&\& ENCODING.is_empty()~' \
  -p views --lib -- connect::
mutate pooler-drops crates/views/src/connect/check.rs \
  's~if arrived != Some\("on"\)~if arrived == Some("off")~' \
  -p views --lib -- connect::
mutate pooler-refuses crates/views/src/connect.rs \
  's~if \*error\.code\(\) == SqlState::PROTOCOL_VIOLATION~if *error.code() == SqlState::SUCCESSFUL_COMPLETION~' \
  -p views --lib -- connect::
mutate limit-of-all-hosts crates/views/src/connect.rs \
  's~\.create_timeout\(Some\(self\.connect_limit\(\)\)\)~.create_timeout(Some(wait))~' \
  -p views --lib -- connect::
mutate next-host crates/views/src/connect/hosts.rs \
  's~let next = \(self\.host \+ 1\) % self\.of;~let next = self.host;~' \
  -p views --lib -- connect::
mutate last-resort crates/views/src/lane/refused.rs \
  's~batch\.reduce_to_ascii\(\);~~' \
  "${faults[@]}" fault_56
mutate kept-bytes crates/views/src/apply/dead_letter.rs \
  's~let mut headers = to_escaped\(record\.headers, KEPT_BYTES\);~let mut headers = to_escaped(record.headers, usize::MAX);~' \
  "${faults[@]}" fault_45

mutate copy-after-copy crates/views/src/apply/rows.rs \
  's~if way == Way::Copy \{~if false {~' \
  --workspace --test large_batches
mutate known-order-of-a-part crates/views/src/parts.rs \
  's~ \|\| part\.starts_with\(._.\)~~' \
  --workspace --test races
mutate known-order crates/views/src/apply/orders.rs \
  's~\*error\.code\(\) == SqlState::UNIQUE_VIOLATION~false~' \
  -p views --test races

mutate damaged-details crates/views/src/history.rs \
  's~(Fields::from_object\(json\))\s*\.map_err\(.*?\)\)\?,~$1.unwrap_or_default(),~s' \
  -p views --test damaged_history
mutate damaged-details-in-sql crates/views/src/read/as_of.sql \
  's~ELSE refuse_damaged_history\(u\.partition, u\."offset"\) END~ELSE NULL END~' \
  -p views --test damaged_history
mutate time-out-of-range crates/views/src/history.rs \
  's~if !\(Time::MIN\.\.=Time::MAX\)\.contains\(&time\)~if time < Time::MIN \&\& time > Time::MAX~' \
  -p views --test damaged_history

mutate limit-of-build crates/views/src/lane/connection.rs \
  's~self\.codec\.max_record_bytes = build\.max_record_bytes\(&session, own\)\.await\?;~self.codec.max_record_bytes = own;~' \
  "${faults[@]}" fault_73
mutate limit-in-projection crates/views/src/projection.rs \
  's~version \* LIMITS \+ limit~version + limit - limit~' \
  -p views --lib -- projection::
mutate idle-lane crates/views/src/lane/connection.rs \
  's~if active\.build == writer\.build\(\)~if active.build >= writer.build()~' \
  "${faults[@]}" fault_72
mutate dropped-build crates/views/src/error/recovery.rs \
  's~names_a_missing_table\(code\) \|\| \*code == SqlState::INTERNAL_ERROR~*code == SqlState::INTERNAL_ERROR~' \
  -p views --lib -- recovery::
mutate lock-of-rebuild crates/rebuild/src/state_machine.rs \
  's~Some\(lock\) => lock\.lost\(\)\.await~Some(_) => std::future::pending::<views::Error>().await~' \
  "${faults[@]}" fault_57
mutate lock-of-deployment crates/views/src/deployment.rs \
  's~self\.lock\.session\.client\.batch_execute\("/\* views::deployment::is_held \*/"\)\.await\.is_ok\(\)~true~' \
  "${faults[@]}" fault_57
mutate json-of-a-batch crates/views/src/apply/codec.rs \
  's~MAX_TEXT_BYTES: usize = 16 << 20~MAX_TEXT_BYTES: usize = usize::MAX~' \
  --workspace --test schemas
