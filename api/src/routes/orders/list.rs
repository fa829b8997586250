//! `GET /orders`.

use axum::extract::{RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use orders::{OrderId, Status};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use views::read::{After, Cut, Filter, Order, Page, Sort};

use super::body::OrderBody;
use crate::answer::Freshness;
use crate::cursor::{self, CutPart};
use crate::cut::{self, CutParameters};
use crate::problem::{AnyRequest, AsOf, Problem, Problems, Waiting};
use crate::query::{InQuery, MAX_LIMIT, Parameter, ParameterSet, Query, integer, schema_of, text, words};
use crate::state::AppState;
use crate::wait::WaitParameters;

pub enum ListParameters {}

impl ParameterSet for ListParameters {
    const ALL: &'static [Parameter] = &[
        Parameter { name: "status", about: "Only orders in this status.", schema: schema_of::<Status> },
        Parameter { name: "customer_id", about: "Only orders of this customer.", schema: id_schema },
        Parameter { name: "restaurant_id", about: "Only orders of this restaurant.", schema: id_schema },
        Parameter {
            name: "sort",
            about: "The order of the list. Orders of the same `last_updated` follow each other by `order_id`.",
            schema: || words(SORTS.map(|(name, _)| name)),
        },
        Parameter {
            name: "limit",
            about: "How many orders a page may have.",
            schema: || integer(1, Some(MAX_LIMIT.into()), Some(DEFAULT_LIMIT.into())),
        },
        Parameter {
            name: "cursor",
            about: "`next_cursor` of the page before. It carries the filters, the sorting and the cut.",
            schema: text,
        },
    ];
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_ID_CHARS: usize = 128;

/// A page of orders.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OrderList {
    orders: Vec<OrderBody>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What a list was asked for, and where a page ended.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// status, customer_id, restaurant_id, sort.
    q: (Option<String>, Option<String>, Option<String>, String),
    /// order_id and last_updated of the last order of the page.
    k: (String, String),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<CutPart>,
}

/// A list as it is asked for, by parameters or by a cursor.
struct Request {
    filter: Filter,
    sort: Sort,
    after: Option<After>,
    cut: Option<Cut>,
}

/// List orders by filters, sorted and in pages, now or as of a cut
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "listOrders",
    params(InQuery<ListParameters>, InQuery<CutParameters>, InQuery<WaitParameters>),
    responses(
        (status = 200, description = "A page of orders.", body = OrderList),
        Problems<AnyRequest>, Problems<AsOf>, Problems<Waiting>
    )
)]
pub async fn get(
    State(state): State<AppState>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let known = [ListParameters::ALL, CutParameters::ALL, WaitParameters::ALL];
    let query = Query::parse(raw.as_deref(), &known)?;
    let limit = query.limit(DEFAULT_LIMIT)?;
    let Request { filter, sort, after, cut } = Request::of(&query)?;
    let answer = state
        .reader_for(&query, cut.as_ref())
        .await?
        .orders(&filter, sort, after.as_ref(), i64::from(limit), cut.as_ref())
        .await?;
    let Page { rows: orders, has_more } = answer.value;
    let next_cursor = match orders.last() {
        Some(last) if has_more => {
            let cut = answer.cut.as_ref().map(CutPart::of);
            Some(cursor::encode(&Cursor::after(last, &filter, sort, cut)))
        }
        _ => None,
    };
    let orders = orders.into_iter().map(OrderBody::from).collect();
    Freshness::of(&answer.head, &state.lag)
        .located(uri.path(), &query, Some(limit), answer.cut.as_ref())
        .in_turn(answer.turn)
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

    /// Parameters beside the cursor may only repeat what it carries.
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
                    "{name} is {given:?}, but the cursor belongs to another list; begin that list without a cursor"
                );
                return Err(Problem::bad_request(detail));
            }
        }
        let cut = self.cut.as_ref().map(CutPart::cut).transpose()?;
        if let Some(asked) = cut::parse(query)?
            && !cut.as_ref().is_some_and(|carried| agrees(&asked, carried))
        {
            let detail =
                "the cursor carries another cut; leave the cut out, or begin a new list without a cursor";
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

/// Whether everything that `asked` says is also what the complete cut `carried` says.
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
        && (asked.projection.is_none() || asked.projection == carried.projection)
}

/// The default comes first.
const SORTS: [(&str, Sort); 3] = [
    ("-last_updated", Sort::LastUpdatedDescending),
    ("order_id", Sort::OrderId),
    ("-order_id", Sort::OrderIdDescending),
];

fn sort(text: &str) -> Result<Sort, Problem> {
    SORTS.iter().find(|(name, _)| *name == text).map(|(_, sort)| *sort).ok_or_else(|| {
        Problem::bad_request(format!("sort is {text:?}; it must be -last_updated, order_id or -order_id"))
    })
}

fn filter(status: Option<&str>, customer: Option<&str>, restaurant: Option<&str>) -> Result<Filter, Problem> {
    let status = status
        .map(|text| text.parse::<Status>().map_err(|error| Problem::bad_request(format!("status: {error}"))))
        .transpose()?;
    let id = |name: &str, text: Option<&str>| match text {
        Some(text) if text.contains('\0') || text.chars().nth(MAX_ID_CHARS).is_some() => {
            Err(Problem::bad_request(format!(
                "{name} may have at most {MAX_ID_CHARS} characters, none of them NUL"
            )))
        }
        text => Ok(text.map(str::to_owned)),
    };
    Ok(Filter {
        status,
        customer_id: id("customer_id", customer)?,
        restaurant_id: id("restaurant_id", restaurant)?,
    })
}

fn id_schema() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_ID_CHARS)).build().into()
}
