//! `orders::print_object` and `orders::text::check` against PostgreSQL's own `jsonb`.
#![allow(clippy::unwrap_used, clippy::panic)] // a test

use std::cell::Cell;

use orders::{print_object, text};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio_postgres::{Client, Statement};

/// How often each property is tried.
const CASES: u32 = 3000;

struct World {
    client: Client,
    print: Statement,
}

impl World {
    async fn new() -> Self {
        let servers = local_stack::TestServers::shared().await.unwrap();
        let client = local_stack::sql_client(&servers.fresh_database().await.unwrap(), None).await.unwrap();
        let print = client.prepare("SELECT $1::text::jsonb::text").await.unwrap();
        Self { client, print }
    }

    /// What `jsonb` prints, or why it refuses the text.
    async fn jsonb(&self, json: &str) -> Result<String, String> {
        let row = self.client.query_one(&self.print, &[&json]).await;
        row.map(|row| row.get(0)).map_err(|error| error.as_db_error().unwrap().to_string())
    }

    fn for_all<T: std::fmt::Debug>(
        &self,
        given: impl Strategy<Value = T>,
        property: impl AsyncFn(T) -> Result<(), TestCaseError>,
    ) {
        let runtime = tokio::runtime::Handle::current();
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let outcome = tokio::task::block_in_place(|| {
            TestRunner::new(config).run(&given, |value| runtime.block_on(property(value)))
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => select(vec![" ", "\n", "\t\r\n", "  "])]
}

fn spaced(json: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (space(), json, space()).prop_map(|(before, json, after)| format!("{before}{json}{after}"))
}

/// In UTF-16, as JSON escapes it.
fn escaped(char: char) -> String {
    char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// A part of a string: characters as they are, where JSON allows that, and escaped.
fn piece() -> impl Strategy<Value = String> {
    let char = || any::<char>().prop_filter("jsonb holds no NUL", |char| *char != '\0');
    let plain = |char: char| match char {
        '"' | '\\' | '\0'..=' ' => escaped(char),
        char => char.to_string(),
    };
    let short = vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u000A", "\\uD83D\\uDE00"];
    prop_oneof![
        4 => char().prop_map(plain),
        2 => "[a-c\u{7f}\u{e9}\u{2028}]",
        2 => char().prop_map(escaped),
        2 => select(short).prop_map(String::from),
    ]
}

fn string(piece: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// All spellings of numbers, some near the limits.
fn number() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        4 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        2 => "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?",
        1 => "-?0(\\.0{1,9})?([eE][+-]?[0-9]{1,4})?",
        1 => "-?(0|[1-9][0-9]{0,300})\\.[0-9]{650,700}([eE]-?[0-9]{1,3})?",
    ];
    number.prop_filter("it is within the limits", |number| text::check(number).is_ok())
}

fn value(
    string: impl Strategy<Value = String> + 'static,
    number: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = String> {
    let string = string.boxed();
    let word = select(vec!["true", "false", "null"]).prop_map(String::from);
    prop_oneof![string.clone(), number, word].prop_recursive(4, 24, 4, move |inner| {
        let array = prop::collection::vec(spaced(inner.clone()), 0..4);
        prop_oneof![array.prop_map(|values| format!("[{}]", values.join(","))), object(string.clone(), inner)]
    })
}

/// An object in which a name may come several times, in several spellings.
fn object(
    string: impl Strategy<Value = String>,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    let common = vec!["\"\"", "\"a\"", "\"\\u0061\"", "\"b\"", "\"bb\"", "\"é\"", "\"\\u00E9\"", "\"zz\""];
    let name = prop_oneof![2 => select(common).prop_map(String::from), 1 => string];
    let member = (spaced(name), spaced(value)).prop_map(|(name, value)| format!("{name}:{value}"));
    (prop::collection::vec(member, 0..6), space())
        .prop_map(|(members, space)| format!("{{{space}{}}}", members.join(",")))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_printed_as_jsonb_prints_it() {
    let world = World::new().await;
    let given = spaced(object(string(piece()), value(string(piece()), number())));
    world.for_all(given, async |json| {
        prop_assert_eq!(print_object(&json).map_err(|error| error.to_string()), world.jsonb(&json).await);
        Ok(())
    });
}

/// Strings with halves of surrogate pairs and NUL, and numbers of any size.
fn hostile_value() -> impl Strategy<Value = String> {
    let odd = vec!["\\u0000", "\\ud800", "\\uDC00", "\\udbff\\u0041", "\\\\u0000"];
    let piece = || prop_oneof![6 => piece(), 1 => select(odd.clone()).prop_map(String::from)];
    let number = prop_oneof![
        6 => number(),
        1 => "-?(0|[1-9][0-9]{0,9})(\\.[0-9]{1,9})?[eE][+-]?[0-9]{1,12}",
        1 => "-?0(\\.0{1,5})?[eE][+-]?[0-9]{4,11}",
        1 => "0\\.0{0,400}[1-9]{1,3}[eE][+-]?[0-9]{1,4}",
        1 => "-?[1-9][0-9]{290,1010}(\\.[0-9]{1,700})?([eE][+-]?[0-9]{1,3})?",
    ];
    value(string(piece()), number)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jsonb_refuses_is_refused() {
    let world = World::new().await;
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    world.for_all(hostile_value(), async |json| {
        let (checked, jsonb) = (text::check(&json), world.jsonb(&json).await);
        prop_assert!(jsonb.is_ok() || checked.is_err(), "check accepts it: {:?}", jsonb);
        accepted.set(accepted.get() + u32::from(checked.is_ok()));
        refused.set(refused.get() + u32::from(jsonb.is_err()));
        if checked.is_ok() {
            let object = format!("{{\"x\":{json}}}");
            prop_assert_eq!(print_object(&object).unwrap(), format!("{{\"x\": {}}}", jsonb.unwrap()));
        }
        Ok(())
    });
    let (accepted, refused) = (accepted.get(), refused.get());
    println!("of {CASES} values, check accepts {accepted} and jsonb refuses {refused}");
    assert!(accepted > CASES / 4 && refused > CASES / 20, "{accepted} accepted, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_at_the_limits() {
    let world = World::new().await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let digits = "9".repeat(300);
    for (json, is_accepted) in [
        (nested(text::MAX_DEPTH), true),
        (nested(text::MAX_DEPTH + 1), false),
        ("1e308".into(), true),
        ("1e-400".into(), true),
        (format!("{digits}.{digits}{digits}"), true),
        (format!("0.{}1e{}", "0".repeat(900), 1200), true),
        ("0e1000".into(), true),
        ("0e1000000000".into(), false),
        ("-0.0E+2000000000".into(), false),
    ] {
        assert_eq!(text::check(&json).is_ok(), is_accepted, "{json}");
        if is_accepted {
            let object = print_object(&format!("{{\"x\":{json}}}"));
            assert_eq!(object.unwrap(), format!("{{\"x\": {}}}", world.jsonb(&json).await.unwrap()));
        }
    }
}
