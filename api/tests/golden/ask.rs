//! The requests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use tokio_postgres::Client;

use super::answers::{Answers, Keep};
use super::cuts::{Cut, cuts};
use super::log::Log;
use super::refused::{DISCARDED, RETRIED};
use crate::world::{Api, TOKEN, ids};

/// An order id may have any character, a path not.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const FILTERS: [&str; 8] = [
    "status=pending",
    "status=paid&sort=-order_id",
    "status=cancelled&sort=order_id",
    "customer_id=c-merge",
    "customer_id=CUST-0001&sort=order_id",
    "restaurant_id=r-shapes&status=cancelled",
    "customer_id=CUST-0002&restaurant_id=REST-001",
    "customer_id=%22quoted%22",
];

/// The views for psql, whose columns and values stay as well.
const VIEWS: [&str; 4] = [
    "SELECT json_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)::text FROM pg_attribute
     WHERE attrelid = 'public.orders'::regclass",
    "SELECT json_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)::text FROM pg_attribute
     WHERE attrelid = 'public.order_history'::regclass",
    "SELECT row_to_json(t)::text FROM public.orders t ORDER BY order_id",
    "SELECT row_to_json(t)::text FROM public.order_history t ORDER BY partition, \"offset\"",
];

pub struct Asker<'a> {
    pub api: &'a Api,
    pub answers: Answers,
}

impl Asker<'_> {
    /// Discards one dead letter by decision 2, and retries two by decisions 1 and 3.
    pub async fn decide(&mut self, log: &Log) {
        self.answers.heading("decisions");
        for (part, act) in [(RETRIED[0], "retry"), (DISCARDED, "discard"), (RETRIED[1], "retry")] {
            let path = format!("/dead-letters/{}/{act}", log.dead_letter(part));
            let request = self.api.request(Method::POST, &path);
            let request = request
                .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
                .header(CONTENT_TYPE, "application/json")
                .body(r#"{"reason":"golden"}"#);
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            self.answers.add(&path, Some(status), answer.text().await.unwrap(), Keep::Body);
        }
    }

    pub async fn ask_about_now(&mut self, log: &Log) {
        self.answers.heading("now");
        for path in ["/stats", "/dead-letters?limit=1000"] {
            self.ask(path, path, Keep::Body).await;
        }
        let all = self.lists(None).await;
        for id in &all {
            // Those that the producer writes resemble each other.
            let keep =
                if id.starts_with("ORD-") && id.as_str() > "ORD-000001" { Keep::Hash } else { Keep::Body };
            self.order(id, None, keep).await;
        }
        for (id, limit, keep) in [
            ("S-long", 7, Keep::Hash),
            ("S-long", 1, Keep::Hash),
            ("S-spread", 2, Keep::Body),
            ("S-tie", 2, Keep::Hash),
            ("S-append-times", 1, Keep::Hash),
            ("E-0", 3, Keep::Hash),
            ("D-18", 1, Keep::Hash),
        ] {
            self.pages(&format!("/orders/{id}/history"), "", None, limit, keep).await;
        }
        self.pages("/orders", "status=cancelled&sort=order_id", None, 3, Keep::Body).await;
        let ahead = log.positions(log.len()).replacen("0=", "0=1", 1);
        for path in [
            format!("/orders?as_of_offsets={ahead}"),
            "/orders?as_of=2026-03-01T12:00:00Z&decision=4".to_owned(),
            "/orders?status=eaten".to_owned(),
            "/orders/S-long/history?limit=0".to_owned(),
        ] {
            self.ask(&path, &path, Keep::Body).await;
        }
    }

    pub async fn ask_about_cuts(&mut self, log: &Log) {
        let all = ids(&self.api.json("/orders?sort=order_id&limit=1000").await);
        for (number, cut) in cuts(log).iter().enumerate() {
            self.answers.heading(&format!("cut {number}: {}", cut.parameters));
            let cut = Some((number, cut));
            self.pages("/stats", "", cut, 0, Keep::Body).await;
            self.lists(cut).await;
            for id in &all {
                let is_kept = cut.is_some_and(|(_, cut)| cut.keeps_bodies)
                    && id.starts_with(['S', 'R'])
                    && id != "S-long";
                self.order(id, cut, if is_kept { Keep::Body } else { Keep::Hash }).await;
            }
            self.pages("/orders/S-long/history", "", cut, 4, Keep::Hash).await;
        }
    }

    pub async fn ask_for_views(&mut self, sql: &Client) {
        self.answers.heading("the public views");
        for statement in VIEWS {
            let rows = sql.query(statement, &[]).await.unwrap();
            let rows: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
            let label = statement.split_whitespace().collect::<Vec<_>>().join(" ");
            self.answers.add(&label, None, rows.join("\n"), Keep::Body);
        }
    }

    /// The order, and its history.
    async fn order(&mut self, id: &str, cut: Option<(usize, &Cut)>, keep: Keep) {
        let path = format!("/orders/{}", utf8_percent_encode(id, ENCODED));
        self.pages(&path, "", cut, 0, keep).await;
        self.pages(&format!("{path}/history"), "", cut, 0, keep).await;
    }

    /// Returns the ids of all orders.
    async fn lists(&mut self, cut: Option<(usize, &Cut)>) -> Vec<String> {
        for sort in ["-last_updated", "order_id", "-order_id"] {
            self.pages("/orders", &format!("sort={sort}"), cut, 1000, Keep::Hash).await;
            self.pages("/orders", &format!("sort={sort}"), cut, 37, Keep::Hash).await;
        }
        self.pages("/orders", "", cut, 0, Keep::Hash).await;
        for filter in FILTERS {
            self.pages("/orders", filter, cut, 15, Keep::Hash).await;
        }
        ids(&self.api.json("/orders?sort=order_id&limit=1000").await)
    }

    /// All pages of what a path and its query name, as of a cut or now; with limit 0 one page of the default size.
    async fn pages(&mut self, path: &str, query: &str, cut: Option<(usize, &Cut)>, limit: u32, keep: Keep) {
        let limit = if limit == 0 { String::new() } else { format!("limit={limit}") };
        let shown = url(path, &[query, &limit]);
        let name = cut.map_or(String::new(), |(number, _)| format!(" @{number}"));
        let cut = cut.map_or("", |(_, cut)| cut.parameters.as_str());
        let first = url(path, &[query, &limit, cut]);
        let mut next = self.ask(&format!("{shown}{name}"), &first, keep).await;
        let mut page = 1;
        while let Some(cursor) = next.filter(|_| !limit.is_empty()) {
            page += 1;
            let label = format!("{shown}{name} page {page}");
            next = self.ask(&label, &url(path, &[&limit, &format!("cursor={cursor}")]), keep).await;
        }
    }

    /// Returns the cursor of the next page.
    async fn ask(&mut self, label: &str, path: &str, keep: Keep) -> Option<String> {
        let answer = self.api.get(path).await;
        let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        let next = serde_json::from_str::<Value>(&body).unwrap()["next_cursor"].as_str().map(str::to_owned);
        self.answers.add(label, Some(status), body, keep);
        next
    }
}

fn url(path: &str, queries: &[&str]) -> String {
    let queries: Vec<_> = queries.iter().copied().filter(|query| !query.is_empty()).collect();
    if queries.is_empty() { path.to_owned() } else { format!("{path}?{}", queries.join("&")) }
}
