//! Records of every kind that a topic may hold, made from a seed.

use orders::EventType;

#[derive(Clone, Debug)]
pub struct Written {
    pub key: Option<String>,
    pub value: String,
    pub traceparent: Option<String>,
}

/// A generator of pseudo-random numbers, seeded because tests must be repeatable.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 to `sides` − 1.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Events of about `count / 5` orders in random order, with and without keys and explicit
/// sequences. Some are repeated, and about one in a hundred is not a valid event.
pub fn mixed(seed: u64, count: usize) -> Vec<Written> {
    let mut dice = Dice::new(seed);
    let mut all: Vec<Written> = Vec::with_capacity(count);
    while all.len() < count {
        let order = dice.roll(count as u64 / 5 + 1);
        let written = match dice.roll(100) {
            0 => invalid(&mut dice),
            1..=4 if !all.is_empty() => all[dice.roll(all.len() as u64) as usize].clone(),
            _ => event(&mut dice, &format!("ORD-{seed}-{order:06}")),
        };
        all.push(written);
    }
    all
}

/// Four events of each order, from created to delivered, keyed by the order.
pub fn lives(first: usize, orders: usize) -> Vec<Written> {
    let mut all = Vec::with_capacity(orders * 4);
    for (rank, event) in ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered"].iter().enumerate() {
        for order in first..first + orders {
            let sequence = rank + 1;
            all.push(Written {
                key: Some(format!("ORD-{order:07}")),
                value: format!(
                    r#"{{"event":"{event}","order_id":"ORD-{order:07}","event_id":"e-{order}-{sequence}","sequence":{sequence},"occurred_at":"2026-11-21T18:04:0{sequence}.123Z","customer_id":"CUST-{}","restaurant_id":"REST-{}","items":[{{"name":"Margherita","quantity":2,"unit_price_cents":950}}],"total_cents":1900,"currency":"EUR","payment_method":"card","courier_id":"COUR-7"}}"#,
                    order % 9999,
                    order % 99
                ),
                traceparent: None,
            });
        }
    }
    all
}

fn event(dice: &mut Dice, order_id: &str) -> Written {
    let event = EventType::ALL[dice.roll(5) as usize];
    let mut fields = vec![format!(r#""event":"{event}""#), format!(r#""order_id":"{order_id}""#)];
    if dice.roll(2) == 0 {
        fields.push(format!(r#""status":"{}""#, event.status()));
    }
    if dice.roll(3) > 0 {
        fields.push(format!(r#""sequence":{}"#, dice.roll(8) + 1));
    }
    let number = dice.roll(1_000_000);
    match dice.roll(4) {
        0 => {}
        1 => fields.push(format!(r#""event_id":"event {number}""#)),
        2 => fields.push(format!(r#""event_id":"0190a6ee-3f6b-7c55-8b3f-{number:012x}""#)),
        _ => fields.push(format!(r#""event_id":"0190A6EE-3F6B-7C55-8B3F-{number:012X}""#)),
    }
    if dice.roll(2) == 0 {
        fields.push(format!(
            r#""occurred_at":"2026-01-0{}T10:00:00.{:06}+01:00""#,
            dice.roll(9) + 1,
            dice.roll(1_000_000)
        ));
    }
    for _ in 0..dice.roll(5) {
        fields.push(match dice.roll(9) {
            0 => r#""customer_id":"CUST-\u00e9""#.into(),
            1 => format!(r#""total_cents":{}"#, dice.roll(100_000)),
            2 => r#""payment_method":"card""#.into(),
            3 => r#""reason":"no \"reason\"""#.into(),
            4 => r#""note": {"b": [1, 2.50, 1e2, null], "a": "x/y", "a": "\n"}"#.into(),
            5 => r#""weight":-0.0"#.into(),
            6 => r#""large":123456789012345678901234567890"#.into(),
            7 => r#""note":"one""#.into(),
            _ => r#""courier_id":null"#.into(),
        });
    }
    let key = match dice.roll(3) {
        0 => None,
        1 => Some(format!("customer {}", dice.roll(10))),
        _ => Some(order_id.to_owned()),
    };
    let traceparent = (dice.roll(4) == 0)
        .then(|| format!("00-0af7651916cd43dd8448eb211c80{:04x}-b7ad6b7169203331-01", dice.roll(65_536)));
    Written { key, value: format!("{{{}}}", fields.join(",")), traceparent }
}

fn invalid(dice: &mut Dice) -> Written {
    let value = match dice.roll(6) {
        0 => "{".to_owned(),
        1 => r#"{"event":"OrderEaten","order_id":"ORD-1"}"#.into(),
        2 => r#"{"event":"OrderPaid","order_id":"ORD-1","status":"shipped"}"#.into(),
        3 => r#"{"event":"OrderPaid","order_id":"ORD-\u0000"}"#.into(),
        4 => String::new(),
        _ => format!(r#"{{"event":"OrderPaid","order_id":"ORD-1","note":"{}"}}"#, "x".repeat(10_001)),
    };
    Written { key: None, value, traceparent: None }
}
