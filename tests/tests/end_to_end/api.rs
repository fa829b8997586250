//! The API's answers say how fresh they are, and answers as of a cut can be repeated bit for bit.

use end_to_end::harness::{Answer, Api, GIVE_UP_AFTER, Stage, eventually};

const PATHS: [&str; 7] = [
    "/orders/ORD-000001",
    "/orders/ORD-000001/history",
    "/orders?limit=7",
    "/orders?status=delivered&sort=order_id&limit=5",
    "/orders?status=cancelled&sort=-order_id",
    "/stats",
    "/orders/NOBODY/history",
];

async fn stage() -> (Stage, Api) {
    let stage = Stage::new().await;
    stage.produce("--orders 500 --cancel-share 0.2 --start-at-id 1 --seed 6").await;
    stage.catch_up().await;
    let api = stage.api().await;
    (stage, api)
}

/// The answer to each path as of now, with the URL that repeats it.
async fn as_of_now(api: &Api, stage: &Stage) -> Vec<(String, Answer)> {
    let ends = stage.ends().await;
    let offsets: Vec<_> = ends.iter().map(|(partition, end)| format!("{partition}={end}")).collect();
    let mut answers = Vec::new();
    for path in PATHS {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = api.get(&format!("{path}{separator}as_of_offsets={}", offsets.join(","))).await;
        let location = answer.header("content-location").to_owned();
        answers.push((location, answer));
    }
    answers
}

#[tokio::test]
async fn every_read_says_how_fresh_it_is() {
    let (stage, api) = stage().await;
    let ends = stage.ends().await;
    // An API is ready without Kafka, so that it may be asked before Kafka's first answer.
    eventually("the lag is known", GIVE_UP_AFTER, async || {
        (api.get("/lag").await.header("lag-events") != "unknown").then_some(())
    })
    .await;
    for path in PATHS {
        let answer = api.get(path).await;
        assert_eq!(answer.applied(), ends, "{path}");
        assert_eq!((answer.header("view-build"), answer.header("open-dead-letters")), ("1", "0"), "{path}");
        assert!(
            answer.header("lag-events").parse::<u64>().is_ok(),
            "{path}: {}",
            answer.header("lag-events")
        );
        assert!(
            answer.header("lag-seconds").parse::<f64>().is_ok(),
            "{path}: {}",
            answer.header("lag-seconds")
        );
    }
    stage.check_with(&api, 200).await;
}

#[tokio::test]
async fn an_answer_as_of_a_cut_stays_the_same_after_new_events() {
    let (stage, api) = stage().await;
    let before = as_of_now(&api, &stage).await;
    // Further events of the same orders, and new orders.
    stage.produce("--orders 500 --cancel-share 0.9 --start-at-id 1 --seed 7").await;
    stage.produce("--orders 500 --start-at-id 501 --seed 8").await;
    stage.catch_up().await;
    // Another instance has to give the same answers.
    let other = stage.api().await;
    for (location, answer) in before {
        for api in [&api, &other] {
            let again = api.get(&location).await;
            assert_eq!((again.status, again.body), (answer.status, answer.body.clone()), "{location}");
        }
    }
    stage.check_with(&api, 100).await;
}

#[tokio::test]
async fn bad_requests_are_answered_by_problems_that_say_what_to_change() {
    let (_stage, api) = stage().await;
    for (path, status) in [
        ("/orders?limit=1001", 400),
        ("/orders?limit=many", 400),
        ("/orders?sort=price", 400),
        ("/orders?status=eaten", 400),
        ("/orders?cursor=nonsense", 400),
        ("/orders?colour=red", 400),
        ("/orders?as_of=yesterday", 400),
        ("/orders?as_of_offsets=0=99999", 409),
        ("/orders/NOBODY", 404),
        ("/nowhere", 404),
    ] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert!(answer.json()["detail"].is_string(), "{path}: {}", answer.body);
    }
}
