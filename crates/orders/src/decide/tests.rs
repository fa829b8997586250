//! Given events, when a command comes, then an event or a refusal.

use super::*;

fn item(quantity: u32, unit_price_cents: u32) -> Item {
    Item { name: "Margherita".into(), quantity, unit_price_cents }
}

fn place(items: Vec<Item>) -> Command {
    let (customer_id, restaurant_id) = ("CUST-0042".into(), "REST-007".into());
    Command::Place { customer_id, restaurant_id, items, currency: "EUR".into() }
}

fn pay() -> Command {
    Command::Pay { payment_method: "card".into() }
}

fn ship() -> Command {
    Command::Ship { courier_id: "COUR-001".into() }
}

fn cancel() -> Command {
    Command::Cancel { reason: "customer changed their mind".into() }
}

fn stamp() -> Stamp {
    let order_id = OrderId::parse("ORD-000123").unwrap();
    Stamp { order_id, event_id: Uuid::from_u128(7), occurred_at: Time::from_micros(1_000_000) }
}

/// The order after these commands, each of which has to be accepted.
fn given(commands: &[Command]) -> Option<Standing> {
    commands.iter().fold(None, |standing, command| {
        let event = decide(standing, command.clone(), stamp()).unwrap();
        Some(Standing::after(standing, &event))
    })
}

fn when(standing: Option<Standing>, command: Command) -> Result<(i32, Attributes), Refusal> {
    decide(standing, command, stamp()).map(|event| (event.sequence, event.attributes))
}

#[test]
fn placing_adds_up_the_items() {
    let then = when(None, place(vec![item(2, 950), item(1, 300)])).unwrap();
    assert_eq!(then.0, 1);
    assert!(matches!(then.1, Attributes::Created { total_cents: 2200, .. }), "{then:?}");
}

#[test]
fn an_order_goes_its_way_to_the_customer() {
    let placed = [place(vec![item(2, 950)])];
    let paid = Attributes::Paid { payment_method: "card".into(), amount_cents: Some(1900) };
    assert_eq!(when(given(&placed), pay()), Ok((2, paid)));

    let paid = [placed[0].clone(), pay()];
    let shipped = Attributes::Shipped { courier_id: "COUR-001".into() };
    assert_eq!(when(given(&paid), ship()), Ok((3, shipped)));

    let shipped = [placed[0].clone(), pay(), ship()];
    assert_eq!(when(given(&shipped), Command::Deliver), Ok((4, Attributes::Delivered)));
}

#[test]
fn an_order_can_be_cancelled_until_it_is_delivered() {
    let life = [place(vec![item(1, 1)]), pay(), ship(), Command::Deliver];
    for steps in 1..=3 {
        let (sequence, _) = when(given(&life[..steps]), cancel()).unwrap();
        assert_eq!(sequence, steps as i32 + 1);
    }
    let refusal = Refusal::NotAllowed { command: "cancel", status: Status::Delivered };
    assert_eq!(when(given(&life), cancel()), Err(refusal));
}

#[test]
fn each_command_has_its_place() {
    let placed = given(&[place(vec![item(1, 1)])]);
    let cancelled = given(&[place(vec![item(1, 1)]), cancel()]);
    let not_allowed = |command, status| Refusal::NotAllowed { command, status };
    for (standing, command, refusal) in [
        (None, pay(), Refusal::NoSuchOrder),
        (None, Command::Deliver, Refusal::NoSuchOrder),
        (placed, place(vec![item(1, 1)]), Refusal::AlreadyPlaced(Status::Pending)),
        (placed, ship(), not_allowed("ship", Status::Pending)),
        (placed, Command::Deliver, not_allowed("deliver", Status::Pending)),
        (cancelled, pay(), not_allowed("pay", Status::Cancelled)),
        (cancelled, cancel(), not_allowed("cancel", Status::Cancelled)),
    ] {
        assert_eq!(when(standing, command), Err(refusal));
    }
}

#[test]
fn what_could_not_be_read_back_is_refused() {
    let placed = given(&[place(vec![item(1, 1)])]);
    let last = placed.map(|standing| Standing { sequence: i32::MAX, ..standing });
    let pay_with = |method: &str| Command::Pay { payment_method: method.into() };
    let huge = vec![item(u32::MAX, u32::MAX); 2];
    for (standing, command, refusal) in [
        (None, place(vec![]), Refusal::NoItems),
        (None, place(vec![item(0, 5)]), Refusal::NoQuantity("Margherita".into())),
        (None, place(vec![Item { name: "a\0".into(), ..item(1, 1) }]), Refusal::BadText("an item's name")),
        (None, place(huge), Refusal::TotalTooLarge),
        (placed, pay_with(""), Refusal::BadText("payment_method")),
        (placed, pay_with("a\0b"), Refusal::BadText("payment_method")),
        (placed, pay_with(&"é".repeat(129)), Refusal::BadText("payment_method")),
        (last, pay(), Refusal::TooManyEvents),
    ] {
        assert_eq!(when(standing, command), Err(refusal));
    }
    assert!(when(placed, pay_with(&"é".repeat(128))).is_ok());
}
