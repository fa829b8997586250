use proptest::prelude::*;

use super::*;
use crate::account_id::AccountId;
use crate::request_id::RequestId;

const RULES: Rules = Rules { large_amount: Cents::MOST, requests_per_minute: 3 };

fn account(balance: i64) -> Account {
    Account { balance_cents: Cents::new(balance), ..Account::open(AccountId::new("A"), Currency::new("EUR")) }
}

fn request(action: Action) -> Request {
    Request { request_id: RequestId::new("r"), account_id: AccountId::new("A"), action }
}

fn transfer(to: &str, amount: i64, currency: &str) -> Request {
    let (amount_cents, currency) = (Cents::new(amount), Currency::new(currency));
    request(Action::Transfer { to: AccountId::new(to), amount_cents, currency })
}

fn deposit(amount: i64) -> Request {
    request(Action::Deposit { amount_cents: Cents::new(amount), currency: Currency::new("EUR") })
}

fn refusal(account: &Account, request: &Request, rules: &Rules) -> &'static str {
    match decide(account, request, 0, rules) {
        Verdict::Refused(refusal) => refusal.reason(),
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn each_refusal_has_its_reason() {
    assert_eq!(refusal(&account(100), &transfer("B", 101, "EUR"), &RULES), "insufficient_funds");
    assert_eq!(refusal(&account(100), &transfer("A", 1, "EUR"), &RULES), "same_account");
    assert_eq!(refusal(&account(100), &transfer("B", 1, "USD"), &RULES), "other_currency");
    assert_eq!(refusal(&account(1), &deposit(100_000_000_000_000), &RULES), "balance_too_large");
    let open = request(Action::Open { holder: "Ada".into(), currency: Currency::new("EUR") });
    assert_eq!(refusal(&account(0), &open, &RULES), "account_exists");
    let strict = Rules { large_amount: Cents::new(50), ..RULES };
    assert_eq!(refusal(&account(100), &transfer("B", 51, "EUR"), &strict), "large_amount");
    assert_eq!(
        decide(&account(100), &transfer("B", 50, "EUR"), 0, &strict),
        Verdict::Approved(Cents::new(50))
    );
    assert_eq!(decide(&account(0), &deposit(51), 0, &strict), Verdict::Approved(Cents::new(51)));
}

#[test]
fn a_request_that_was_approved_is_not_approved_again() {
    let mut one = account(100);
    one.remember_approved(RequestId::new("r"), RULES.requests_per_minute);
    assert_eq!(decide(&one, &transfer("B", 1, "EUR"), 0, &RULES), Verdict::Duplicate);
}

proptest! {
    /// Money is neither made nor lost: what one account pays is what is credited, and nothing falls below nothing.
    #[test]
    fn a_transfer_keeps_the_sum(from in 0..=100_000_000_000_000_i64, to in 0..=100_000_000_000_000_i64, amount in 1..=100_000_000_000_000_i64) {
        if let Verdict::Approved(left) = decide(&account(from), &transfer("B", amount, "EUR"), 0, &RULES) {
            prop_assert!(left >= Cents::ZERO);
            prop_assert_eq!(left.plus(Cents::new(amount)), Some(Cents::new(from)));
            match credited(&account(to), Cents::new(amount), &Currency::new("EUR")) {
                Ok(balance) => prop_assert_eq!(balance.minus(Cents::new(amount)), Some(Cents::new(to))),
                Err(refusal) => prop_assert_eq!(refusal.reason(), "balance_too_large"),
            }
        } else {
            prop_assert!(amount > from);
        }
    }

    /// No minute of the log has more approved requests than the rules allow, whatever the times.
    #[test]
    fn no_minute_has_too_many_requests(mut times in prop::collection::vec(0_i64..300_000, 1..60)) {
        times.sort_unstable();
        let (mut one, mut passed) = (account(0), Vec::new());
        for at in times {
            if fraud(&one, &deposit(1), at, &RULES).is_ok() {
                passed.push(at);
            }
            one.count_request(at, RULES.requests_per_minute);
        }
        for at in &passed {
            let within = passed.iter().filter(|other| (*at - 60_000 + 1..=*at).contains(*other)).count();
            prop_assert!(within <= RULES.requests_per_minute, "{within} at {at}");
        }
    }

    /// The decision follows from its arguments alone.
    #[test]
    fn a_replay_decides_the_same(balance in 0_i64..1000, amount in 1_i64..1000, at in 0_i64..1_000_000) {
        let (one, request) = (account(balance), transfer("B", amount, "EUR"));
        prop_assert_eq!(decide(&one, &request, at, &RULES), decide(&one.clone(), &request.clone(), at, &RULES));
    }
}
