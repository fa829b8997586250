//! A cut in a URL: its parameters, parsed and written out in full.

mod pasted_time;

use orders::{Partition, Position, Positions};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use views::read::{Clock, CompleteCut, Cut};
use views::{PROJECTION_VERSION, Projection};

use crate::problem::{Kind, Problem};
use crate::query::{Parameter, ParameterSet, Query, integer, words};

/// A cut: what an as-of answer is true for. Without these parameters, an answer is about the present.
pub enum CutParameters {}

impl ParameterSet for CutParameters {
    const ALL: &'static [Parameter] = &[
        Parameter {
            name: "as_of",
            about: "Only records of this time and before: RFC 3339, or other common forms; without a zone it is UTC.",
            schema: time_schema,
        },
        Parameter {
            name: "clock",
            about: "Which time `as_of` means: when the broker appended a record (`append`), or when its event says that it \
                    happened (`event`). Needs `as_of`.",
            schema: || words(["append", "event"]),
        },
        Parameter {
            name: "as_of_offsets",
            about: "Only records below these offsets, as PARTITION=NEXT_OFFSET,…; a partition that is not named counts as \
                    0. Positions that are not applied yet are answered with 409.",
            schema: offsets_schema,
        },
        Parameter {
            name: "decision",
            about: "Only what decisions up to this number admitted. Completes a cut: needs `as_of` or `as_of_offsets`.",
            schema: || integer(0, None, None),
        },
        Parameter {
            name: "projection",
            about: "The projection that answered: its version, and with another MAX_RECORD_BYTES than the default, 10⁹ \
                    times the version plus that limit. Any other than that of the active build is answered with 410. \
                    Completes a cut: needs `as_of` or `as_of_offsets`.",
            schema: || integer(0, None, None),
        },
    ];
}

fn time_schema() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).examples(["2026-11-21T18:04:05.123Z"]).build().into()
}

/// How offsets are written in a URL.
pub fn offsets_schema() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^([0-9]+=[0-9]+(,[0-9]+=[0-9]+)*)?$"))
        .examples(["0=12,1=9"])
        .build()
        .into()
}

/// `None` if the request is about the present.
pub fn parse(query: &Query) -> Result<Option<Cut>, Problem> {
    let time = query.get("as_of").map(pasted_time::parse).transpose()?;
    let offsets = query.get("as_of_offsets").map(|text| parse_offsets("as_of_offsets", text)).transpose()?;
    let clock = match query.get("clock") {
        None => None,
        Some("append") => Some(Clock::Append),
        Some("event") => Some(Clock::Event),
        Some(other) => {
            return Err(Problem::bad_request(format!("clock is {other:?}; it must be append or event")));
        }
    };
    if clock.is_some() && time.is_none() {
        return Err(Problem::bad_request("clock says which time as_of means and needs as_of"));
    }
    let decision = query.get("decision").map(|text| number("decision", text)).transpose()?;
    let projection = query.get("projection").map(|text| number("projection", text)).transpose()?;
    if time.is_none() && offsets.is_none() {
        if decision.is_some() || projection.is_some() {
            return Err(Problem::bad_request(
                "decision and projection complete a cut and need as_of or as_of_offsets",
            ));
        }
        return Ok(None);
    }
    check_projection(projection)?;
    Ok(Some(Cut { time: time.map(|time| (time, clock.unwrap_or_default())), offsets, decision, projection }))
}

/// Refuses the cut of another projection version, which no build of this program can answer. The limit in the number
/// is compared with that of the active build when the cut is read.
pub fn check_projection(asked: Option<i64>) -> Result<(), Problem> {
    match asked {
        Some(asked) if !Projection::is_of_this_version(asked) => {
            let detail = format!(
                "the cut was answered by projection {asked}, and this program has version {PROJECTION_VERSION}; \
                 leave projection out to see the same records as this version merges them"
            );
            Err(Problem::new(Kind::ProjectionGone, detail))
        }
        _ => Ok(()),
    }
}

fn number(name: &str, text: &str) -> Result<i64, Problem> {
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => {
            Err(Problem::bad_request(format!("{name} is {text:?}; it must be a whole number of at least 0")))
        }
    }
}

/// The value of parameter `name`, such as `0=12,1=9`. An empty one names no partition.
pub fn parse_offsets(name: &str, text: &str) -> Result<Positions, Problem> {
    let wrong = || {
        let detail = format!("{name} is {text:?}; it must be PARTITION=NEXT_OFFSET,… such as 0=12,1=9");
        Problem::bad_request(detail)
    };
    let mut offsets = Positions::new();
    for pair in text.split(',').filter(|_| !text.is_empty()) {
        let (partition, next) = pair.split_once('=').ok_or_else(wrong)?;
        let partition: i32 = digits(partition).ok_or_else(wrong)?;
        let next: i64 = digits(next).ok_or_else(wrong)?;
        if offsets.insert(Partition(partition), Position(next)).is_some() {
            return Err(Problem::bad_request(format!("{name} names partition {partition} twice")));
        }
    }
    Ok(offsets)
}

/// A number of digits alone: `parse` by itself accepts a sign.
fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Whether the request names a complete cut. The answer to it never changes.
pub fn is_complete(query: &Query) -> bool {
    let names_all =
        || ["as_of_offsets", "decision", "projection"].iter().all(|name| query.get(name).is_some());
    query.get("cursor").is_some() || names_all()
}

/// The parameters that ask for this cut again.
pub fn parameters(cut: &CompleteCut) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    if let Some((time, clock)) = cut.time {
        parameters.push(("as_of", time.to_string()));
        parameters.push(("clock", clock.as_str().to_owned()));
    }
    parameters.push(("as_of_offsets", cut.offsets.to_string()));
    parameters.push(("decision", cut.decision.to_string()));
    parameters.push(("projection", cut.projection.to_string()));
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Result<Option<Cut>, Problem> {
        parse(&Query::parse(Some(raw), &[CutParameters::ALL])?)
    }

    #[test]
    fn a_complete_cut_is_read_as_it_was_written() {
        let complete = CompleteCut {
            time: Some(("2026-11-21T18:04:05.123Z".parse().unwrap(), Clock::Event)),
            offsets: parse_offsets("as_of_offsets", "0=12,1=0,10=9").unwrap(),
            decision: 3,
            projection: PROJECTION_VERSION.into(),
        };
        let raw: Vec<_> = parameters(&complete)
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::query::encode(value)))
            .collect();
        assert_eq!(of(&raw.join("&")).unwrap(), Some(complete.into()));
    }

    #[test]
    fn incomplete_cuts_and_malformed_ones_are_refused() {
        assert_eq!(of("").unwrap(), None);
        assert!(of("as_of=2026-11-21T18:04:05+01:00").unwrap().is_some(), "a plus that was not encoded");
        assert_eq!(of("as_of_offsets=").unwrap().unwrap().offsets, Some(Positions::new()));
        for wrong in [
            "clock=append",
            "decision=1",
            "as_of=yesterday",
            "as_of=",
            "as_of=2026-11-21T18:04:05Z&clock=wall",
            "as_of_offsets=0",
            "as_of_offsets=0=1,0=2",
            "as_of_offsets=-1=1",
            "as_of_offsets=0=+1",
            "as_of_offsets=0=1,",
            "as_of_offsets=0=99999999999999999999",
            "as_of_offsets=0=1&decision=-1",
        ] {
            assert_eq!(of(wrong).unwrap_err().status(), 400, "{wrong}");
        }
        assert_eq!(of("as_of_offsets=0=1&projection=999").unwrap_err().status(), 410);
    }
}
