//! The cuts as of which everything is asked.

use orders::Time;

use super::log::Log;

/// A cut as parameters of a URL.
pub struct Cut {
    pub parameters: String,
    /// Whether the bodies about the orders of [`super::merges`] are kept.
    pub keeps_bodies: bool,
}

pub fn cuts(log: &Log) -> Vec<Cut> {
    let half = log.len() / 2;
    let end = log.positions(log.len());
    let before = Time::from_micros(log.time(half).as_micros() - 1);
    let first_of_end = end.split(',').next().unwrap_or_default();
    let cut = |parameters: String| Cut { parameters, keeps_bodies: false };
    vec![
        Cut { keeps_bodies: true, ..cut(format!("as_of={}", log.time(log.len() - 60))) },
        cut(format!("as_of={}", log.time(half))),
        cut(format!("as_of={before}&clock=append")),
        cut(format!("as_of={}&as_of_offsets={}", log.time(half), log.positions(half - 20))),
        cut(format!("as_of_offsets={}", log.positions(30))),
        cut(format!("as_of_offsets={}&decision=1", log.positions(log.len() - 25))),
        cut(format!("as_of_offsets={first_of_end}")),
        Cut { keeps_bodies: true, ..cut("as_of=2026-03-01T11:30:00Z&clock=event".into()) },
        cut("as_of=1969-12-31T23:59:59.999999Z&clock=event".into()),
        cut(format!(
            "as_of=2026-03-01T12:00:01Z&clock=event&as_of_offsets={}&decision=0",
            log.positions(half)
        )),
        cut(format!("as_of_offsets={end}&decision=0")),
        cut(format!("as_of_offsets={end}&decision=1")),
        cut("as_of=9999-12-30T22:00:00Z".into()),
    ]
}
