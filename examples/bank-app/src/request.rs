//! What a client asks for: the records of `transaction_requests`.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::account_id::AccountId;
use crate::currency::Currency;
use crate::money::{Cents, is_amount};
use crate::request_id::RequestId;
use crate::text::is_printable;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
pub struct Request {
    #[garde(dive)]
    pub request_id: RequestId,
    /// The account that opens, receives a deposit, or pays. It is also the key of the record.
    #[garde(dive)]
    pub account_id: AccountId,
    #[serde(flatten)]
    #[garde(dive)]
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    Open {
        #[garde(custom(is_printable))]
        holder: String,
        #[garde(dive)]
        currency: Currency,
    },
    Deposit {
        #[garde(custom(is_amount))]
        amount_cents: Cents,
        #[garde(dive)]
        currency: Currency,
    },
    Withdraw {
        #[garde(custom(is_amount))]
        amount_cents: Cents,
        #[garde(dive)]
        currency: Currency,
    },
    Transfer {
        #[garde(dive)]
        to: AccountId,
        #[garde(custom(is_amount))]
        amount_cents: Cents,
        #[garde(dive)]
        currency: Currency,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str) -> Result<Request, String> {
        json::decode(Some(text.as_bytes()))
    }

    #[test]
    fn a_request_is_one_flat_object() {
        let text = r#"{"request_id":"r1","account_id":"A","kind":"transfer","to":"B","amount_cents":1000,"currency":"EUR"}"#;
        let request = read(text).unwrap();
        assert_eq!(String::from_utf8(json::encode(&request).unwrap()).unwrap(), text);
    }

    #[test]
    fn what_is_not_valid_says_where() {
        let with = |fields: &str| read(&format!(r#"{{"request_id":"r","account_id":"A",{fields}}}"#));
        for (fields, part) in [
            (r#""kind":"deposit","amount_cents":0,"currency":"EUR""#, "amount_cents: must be from 1"),
            (r#""kind":"deposit","amount_cents":-5,"currency":"EUR""#, "amount_cents: must be from 1"),
            (r#""kind":"deposit","amount_cents":1.5,"currency":"EUR""#, "floating point"),
            (r#""kind":"deposit","amount_cents":9223372036854775808,"currency":"EUR""#, "i64"),
            (r#""kind":"deposit","amount_cents":1,"currency":"eur""#, "currency: must be three"),
            (r#""kind":"transfer","to":"B C","amount_cents":1,"currency":"EUR""#, "to: must have 1 to 64"),
            (r#""kind":"open","holder":"a\u001b[2J","currency":"EUR""#, "holder: must have 1 to 100"),
            (r#""kind":"steal""#, "unknown variant"),
        ] {
            let problem = with(fields).unwrap_err();
            assert!(problem.contains(part), "{fields}: {problem}");
        }
        for text in ["", "[]", "{}", "\u{0}"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
