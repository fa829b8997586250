//! Answers of the API as of random cuts, compared with the fold of the log up to each cut.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use super::cell::Cell;
use super::fold::{self, COLUMNS, Cells};
use super::instant;
use super::record::Record;
use super::{Differences, Error, Log, Offsets};

/// One sample in this many also compares the totals and a list, as of the same cut.
const SAMPLES_PER_LIST: u32 = 10;
const LIST_LIMIT: usize = 20;

pub struct Samples {
    /// The API's base URL.
    pub api: String,
    pub count: u32,
    pub seed: u64,
}

/// The records below the offsets and, if there is a time, not appended after it.
struct Cut {
    offsets: Offsets,
    /// Append time in microseconds since 1970.
    time: Option<i64>,
}

/// Compares samples, and returns how many answers were compared.
pub async fn compare(samples: &Samples, log: &Log, differences: &mut Differences) -> Result<usize, Error> {
    let mut random = StdRng::seed_from_u64(samples.seed);
    let records: Vec<&Record> = log.records().collect();
    let orders = log.orders();
    let ids: Vec<&str> = orders.keys().copied().collect();
    let mut api =
        Api { client: Client::new(), base: samples.api.clone(), seed: samples.seed, answers: 0, differences };
    for sample in 0..samples.count {
        if ids.is_empty() {
            break;
        }
        let cut = Cut::random(&mut random, &records, &log.upto);
        let order_id = ids[random.random_range(0..ids.len())];
        api.order(order_id, &orders[order_id], &cut).await?;
        api.history(order_id, &orders[order_id], &cut).await?;
        if sample % SAMPLES_PER_LIST == 0 {
            api.stats(&orders, &cut).await?;
            api.list(&orders, &cut).await?;
        }
    }
    Ok(api.answers)
}

impl Cut {
    fn random(random: &mut StdRng, records: &[&Record], upto: &Offsets) -> Self {
        let all_offsets = random.random_bool(0.4);
        let offsets = upto.iter().map(|(partition, end)| {
            (*partition, if all_offsets { *end } else { random.random_range(0..=*end) })
        });
        let offsets = offsets.collect();
        // At the time of a record, or a microsecond beside it.
        let time = (all_offsets || random.random_bool(0.5)).then(|| {
            records[random.random_range(0..records.len())].appended_at + random.random_range(-1..=1)
        });
        Self { offsets, time }
    }

    fn holds(&self, record: &Record) -> bool {
        record.offset < self.offsets.get(&record.partition).copied().unwrap_or(0)
            && self.time.is_none_or(|time| record.appended_at <= time)
    }

    fn of<'a>(&self, records: &[&'a Record]) -> Vec<&'a Record> {
        records.iter().copied().filter(|record| self.holds(record)).collect()
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let offsets: Vec<_> =
            self.offsets.iter().map(|(partition, next)| format!("{partition}={next}")).collect();
        let mut parameters = vec![("as_of_offsets", offsets.join(","))];
        if let Some(time) = self.time {
            parameters.push(("as_of", instant::print(time)));
        }
        parameters
    }
}

struct Api<'a> {
    client: Client,
    base: String,
    seed: u64,
    answers: usize,
    differences: &'a mut Differences,
}

impl Api<'_> {
    async fn order(&mut self, order_id: &str, records: &[&Record], cut: &Cut) -> Result<(), Error> {
        let (url, status, body) = self.get(&["orders", order_id], cut, &[]).await?;
        match fold::row(cut.of(records)) {
            None if status == StatusCode::NOT_FOUND => {}
            None => self.differs(&url, "status", 404, status),
            Some(_) if status != StatusCode::OK => self.differs(&url, "status", 200, status),
            Some(expected) => self.compare_order(&url, &expected, &body),
        }
        Ok(())
    }

    async fn history(&mut self, order_id: &str, records: &[&Record], cut: &Cut) -> Result<(), Error> {
        let (url, status, body) =
            self.get(&["orders", order_id, "history"], cut, &[("limit", "1000")]).await?;
        let mut expected = cut.of(records);
        if expected.is_empty() {
            if status != StatusCode::NOT_FOUND {
                self.differs(&url, "status", 404, status);
            }
            return Ok(());
        }
        expected.sort_by_key(|record| record.log_order());
        let expected: Vec<_> =
            expected.iter().map(|record| (Some(record.partition.into()), Some(record.offset))).collect();
        let found = body["records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found: Vec<_> =
            found.iter().map(|one| (one["partition"].as_i64(), one["offset"].as_i64())).collect();
        if found != expected[..expected.len().min(1000)] {
            self.differs(&url, "records", format!("{expected:?}"), format!("{status} {found:?}"));
        }
        Ok(())
    }

    async fn stats(&mut self, orders: &BTreeMap<&str, Vec<&Record>>, cut: &Cut) -> Result<(), Error> {
        let (url, status, body) = self.get(&["stats"], cut, &[]).await?;
        let mut expected: BTreeMap<&str, i64> = BTreeMap::new();
        for status in orders.values().filter_map(|records| fold::status(cut.of(records))) {
            *expected.entry(status).or_default() += 1;
        }
        let found = body["by_status"].as_object();
        let found: BTreeMap<&str, i64> = found
            .into_iter()
            .flatten()
            .filter_map(|(name, count)| Some((name.as_str(), count.as_i64().filter(|count| *count != 0)?)))
            .collect();
        if found != expected {
            self.differs(&url, "by_status", format!("{expected:?}"), format!("{status} {found:?}"));
        }
        Ok(())
    }

    /// Compares the first page of the list by id.
    async fn list(&mut self, orders: &BTreeMap<&str, Vec<&Record>>, cut: &Cut) -> Result<(), Error> {
        let more = [("sort", "order_id"), ("limit", &LIST_LIMIT.to_string())];
        let (url, status, body) = self.get(&["orders"], cut, &more).await?;
        let rows =
            orders.iter().filter_map(|(order_id, records)| Some((*order_id, fold::row(cut.of(records))?)));
        let rows: Vec<_> = rows.take(LIST_LIMIT).collect();
        let found = body["orders"].as_array().map(Vec::as_slice).unwrap_or_default();
        let expected_ids: Vec<_> = rows.iter().map(|(order_id, _)| Some(*order_id)).collect();
        let found_ids: Vec<_> = found.iter().map(|order| order["order_id"].as_str()).collect();
        if found_ids != expected_ids {
            self.differs(&url, "orders", format!("{expected_ids:?}"), format!("{status} {found_ids:?}"));
            return Ok(());
        }
        for ((_, expected), found) in rows.iter().zip(found) {
            self.compare_order(&url, expected, found);
        }
        Ok(())
    }

    fn compare_order(&mut self, url: &Url, expected: &Cells, body: &Value) {
        for (name, kind) in COLUMNS {
            let found = Cell::of_answer(&body[name], kind);
            let expected = expected.get(name).unwrap_or(&Cell::Null);
            if *expected != found {
                self.differs(url, name, expected, found);
            }
        }
    }

    async fn get(
        &mut self,
        path: &[&str],
        cut: &Cut,
        more: &[(&str, &str)],
    ) -> Result<(Url, StatusCode, Value), Error> {
        let mut url = Url::parse(&self.base)
            .map_err(|error| Error::ApiUrl { url: self.base.clone(), cause: error.to_string() })?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(cut.parameters());
        url.query_pairs_mut().extend_pairs(more);
        let answer = self.client.get(url.clone()).send().await?;
        self.answers += 1;
        Ok((url, answer.status(), answer.json().await?))
    }

    fn differs(
        &mut self,
        url: &Url,
        column: &'static str,
        log: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) {
        let key = format!("{url} (seed {})", self.seed);
        self.differences.add("api", key, column, log, found);
    }
}
