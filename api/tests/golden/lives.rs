//! Orders as the producer writes them: most lives complete, some with repeated and exchanged records.

use super::log::Entry;

/// A generator whose numbers never change.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// In the form of a version 7 UUID.
    fn event_id(&mut self) -> String {
        let mut part = |limit| self.below(limit);
        format!(
            "0199{:04x}-{:04x}-7{:03x}-8{:03x}-{:08x}{:04x}",
            part(0x1_0000),
            part(0x1_0000),
            part(0x1000),
            part(0x1000),
            part(0x7fff_ffff),
            part(0x1_0000)
        )
    }
}

pub fn orders() -> Vec<Vec<Entry>> {
    let mut dice = Dice(2026);
    (0..16).map(|number| life(&mut dice, number)).collect()
}

fn life(dice: &mut Dice, number: u64) -> Vec<Entry> {
    let names = ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered"];
    let statuses = ["pending", "paid", "shipped", "delivered"];
    let reached = 1 + dice.below(8).min(3) as usize;
    let mut values: Vec<_> = (0..reached)
        .map(|step| {
            let attributes = attributes(dice, step);
            event(dice, number, (names[step], statuses[step], step + 1), &attributes)
        })
        .collect();
    if dice.below(5) == 0 {
        let cancelled = ("OrderCancelled", "cancelled", reached + 1);
        values.push(event(dice, number, cancelled, r#","reason":"restaurant closed""#));
    }
    if dice.below(4) == 0 {
        let repeated = dice.below(values.len() as u64) as usize;
        values.push(values[repeated].clone());
    }
    if dice.below(4) == 0 {
        values.rotate_left(1);
    }
    values.into_iter().map(|value| Entry::new(number as usize, value)).collect()
}

fn attributes(dice: &mut Dice, step: usize) -> String {
    match step {
        0 => {
            let (cents, quantity) = (450 + dice.below(900), 1 + dice.below(3));
            format!(
                r#","customer_id":"CUST-{:04}","restaurant_id":"REST-{:03}","items":[{{"name":"Margherita","quantity":{quantity},"unit_price_cents":{cents}}}],"total_cents":{},"currency":"EUR""#,
                dice.below(5),
                dice.below(3),
                cents * quantity
            )
        }
        1 => {
            let method = ["card", "cash", "paypal"][dice.below(3) as usize];
            format!(r#","payment_method":"{method}","amount_cents":{}"#, 500 + dice.below(4000))
        }
        2 => format!(r#","courier_id":"COUR-{:02}""#, dice.below(9)),
        _ => String::new(),
    }
}

fn event(dice: &mut Dice, number: u64, (event, status, sequence): (&str, &str, usize), more: &str) -> String {
    let (event_id, minute, micros) =
        (dice.event_id(), 10 * sequence as u64 + dice.below(10), dice.below(1_000_000));
    format!(
        r#"{{"event":"{event}","order_id":"ORD-{number:06}","status":"{status}","event_id":"{event_id}","sequence":{sequence},"occurred_at":"2026-03-01T11:{minute:02}:{:02}.{micros:06}Z"{more}}}"#,
        dice.below(60)
    )
}
