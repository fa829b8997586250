//! `GET /orders`.

use axum::extract::{RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use orders::{OrderId, Status};
use serde::{Deserialize, Serialize};
use views::read::{After, Cut, Filter, Order, Sort};

use super::OrderBody;
use crate::answer::Freshness;
use crate::cursor::{self, CutPart};
use crate::cut;
use crate::openapi::{CutParams, ListParams, WaitParams};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;
use crate::wait;

const NAMES: &[&str] = &["status", "customer_id", "restaurant_id", "sort", "limit", "cursor"];

/// A page of orders.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OrderList {
    orders: Vec<OrderBody>,
    /// For `cursor`, to get the next page; null: this was the last one.
    next_cursor: Option<String>,
}

/// A list's question, and the answer's place in it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// status, customer_id, restaurant_id, sort.
    q: (Option<String>, Option<String>, Option<String>, String),
    /// order_id and last_updated of the page's last order.
    k: (String, String),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<CutPart>,
}

struct Request {
    filter: Filter,
    sort: Sort,
    after: Option<After>,
    cut: Option<Cut>,
}

/// Orders by filters, sorted and in pages, now or as of a cut
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "listOrders", params(ListParams, CutParams, WaitParams),
    responses((status = 200, description = "A page of orders", body = OrderList))
)]
pub async fn get(
    State(state): State<AppState>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[NAMES, cut::NAMES, wait::NAMES])?;
    let limit = query.limit(50)?;
    let Request { filter, sort, after, cut } = Request::of(&query)?;
    // One more than asked for tells whether there is a next page.
    let answer = state
        .reader_for(&query, cut.as_ref())
        .await?
        .orders(&filter, sort, after.as_ref(), i64::from(limit) + 1, cut.as_ref())
        .await?;
    let mut orders = answer.value;
    let more = orders.len() > limit as usize;
    orders.truncate(limit as usize);
    let next_cursor = match orders.last() {
        Some(last) if more => {
            let cut = answer.cut.as_ref().map(CutPart::of);
            Some(cursor::encode(&Cursor::after(last, &filter, sort, cut)))
        }
        _ => None,
    };
    let orders = orders.into_iter().map(OrderBody::from).collect();
    Freshness::of(&answer.head, &state.lag)
        .located(uri.path(), &query, Some(limit), answer.cut.as_ref())
        .json(&OrderList { orders, next_cursor })
}

impl Request {
    fn of(query: &Query) -> Result<Self, Problem> {
        match query.get("cursor") {
            None => Ok(Self {
                filter: filter(query.get("status"), query.get("customer_id"), query.get("restaurant_id"))?,
                sort: query.get("sort").map(sort).transpose()?.unwrap_or_default(),
                after: None,
                cut: cut::parse(query)?,
            }),
            Some(text) => cursor::decode::<Cursor>(text)?.into_request(query),
        }
    }
}

impl Cursor {
    fn after(last: &Order, filter: &Filter, sort: Sort, cut: Option<CutPart>) -> Self {
        let status = filter.status.map(|status| status.as_str().to_owned());
        let sort = SORTS.iter().find(|(_, known)| *known == sort).map_or("", |(name, _)| name);
        Self {
            q: (status, filter.customer_id.clone(), filter.restaurant_id.clone(), sort.to_owned()),
            k: (last.order_id.clone(), last.last_updated.to_string()),
            cut,
        }
    }

    /// Parameters beside the cursor may repeat what it says, nothing else.
    fn into_request(self, query: &Query) -> Result<Request, Problem> {
        let (status, customer, restaurant, by) = &self.q;
        for (name, carried) in [
            ("status", status),
            ("customer_id", customer),
            ("restaurant_id", restaurant),
            ("sort", &Some(by.clone())),
        ] {
            if let Some(given) = query.get(name)
                && Some(given) != carried.as_deref()
            {
                let detail = format!(
                    "{name} is {given:?}, but the cursor is of a list without that; begin a new list without a cursor"
                );
                return Err(Problem::bad_request(detail));
            }
        }
        let cut = self.cut.as_ref().map(CutPart::cut).transpose()?;
        if let Some(asked) = cut::parse(query)?
            && !cut.as_ref().is_some_and(|carried| agrees(&asked, carried))
        {
            let detail = "the cursor carries another cut than the one beside it; leave the cut out, or begin a new list";
            return Err(Problem::bad_request(detail));
        }
        let wrong = |_| cursor::broken();
        Ok(Request {
            filter: filter(status.as_deref(), customer.as_deref(), restaurant.as_deref()).map_err(wrong)?,
            sort: sort(by).map_err(wrong)?,
            after: Some(After {
                order_id: OrderId::parse(&self.k.0).map_err(|_| cursor::broken())?.as_str().to_owned(),
                last_updated: self.k.1.parse().map_err(|_| cursor::broken())?,
            }),
            cut,
        })
    }
}

/// Whether a cut, as far as it says anything, says what a complete one does.
fn agrees(asked: &Cut, carried: &Cut) -> bool {
    (asked.time.is_none() || asked.time == carried.time)
        && asked.offsets.as_ref().is_none_or(|asked| {
            let carried = carried.offsets.clone().unwrap_or_default();
            asked
                .partitions()
                .chain(carried.partitions())
                .all(|partition| asked.of(partition) == carried.of(partition))
        })
        && (asked.decision.is_none() || asked.decision == carried.decision)
}

const SORTS: [(&str, Sort); 3] = [
    ("-last_updated", Sort::LastUpdatedDescending),
    ("order_id", Sort::OrderId),
    ("-order_id", Sort::OrderIdDescending),
];

fn sort(text: &str) -> Result<Sort, Problem> {
    SORTS.iter().find(|(name, _)| *name == text).map(|(_, sort)| *sort).ok_or_else(|| {
        Problem::bad_request(format!("sort is {text:?}; it is -last_updated, order_id or -order_id"))
    })
}

fn filter(status: Option<&str>, customer: Option<&str>, restaurant: Option<&str>) -> Result<Filter, Problem> {
    let status = status
        .map(|text| text.parse::<Status>().map_err(|error| Problem::bad_request(format!("status: {error}"))))
        .transpose()?;
    let id = |name: &str, text: Option<&str>| match text {
        Some(text) if text.contains('\0') || text.chars().nth(128).is_some() => {
            Err(Problem::bad_request(format!("{name} has at most 128 characters, and no NUL")))
        }
        text => Ok(text.map(str::to_owned)),
    };
    Ok(Filter {
        status,
        customer_id: id("customer_id", customer)?,
        restaurant_id: id("restaurant_id", restaurant)?,
    })
}
