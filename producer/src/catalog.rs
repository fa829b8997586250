//! The menus, customers and couriers that orders are made of.

use fake::Fake;
use fake::rand::Rng;
use fake::rand::seq::IndexedRandom;
use orders::{Command, Item};

const CUSTOMERS: u32 = 5000;
const RESTAURANTS: u32 = 200;
const COURIERS: u32 = 300;

/// Names and prices in cents. Each restaurant has one of these menus.
type Menu = [(&'static str, u32); 6];

const MENUS: [Menu; 5] = [
    [
        ("Margherita", 950),
        ("Quattro Formaggi", 1250),
        ("Diavola", 1190),
        ("Tiramisù", 550),
        ("Insalata mista", 690),
        ("Acqua 0.5 l", 250),
    ],
    [
        ("Pad Thai", 1090),
        ("Green curry", 1290),
        ("Tom Kha Gai", 650),
        ("Spring rolls", 490),
        ("Mango sticky rice", 590),
        ("Iced tea", 320),
    ],
    [
        ("Salmon nigiri", 580),
        ("Maki set", 1390),
        ("Miso soup", 380),
        ("Edamame", 450),
        ("Chirashi bowl", 1690),
        ("Green tea", 290),
    ],
    [
        ("Cheeseburger", 1050),
        ("Veggie burger", 1120),
        ("Fries", 390),
        ("Onion rings", 430),
        ("Milkshake", 490),
        ("Cola 0.33 l", 270),
    ],
    [
        ("Chana masala", 1020),
        ("Butter chicken", 1340),
        ("Garlic naan", 310),
        ("Samosa", 460),
        ("Mango lassi", 390),
        ("Basmati rice", 280),
    ],
];

const PAYMENT_METHODS: [&str; 5] = ["card", "card", "paypal", "apple_pay", "cash"];
const REASONS: [&str; 4] =
    ["customer changed their mind", "restaurant closed", "item sold out", "no courier available"];

pub fn customer(rng: &mut impl Rng) -> u32 {
    (1..=CUSTOMERS).fake_with_rng(rng)
}

pub fn customer_id(customer: u32) -> String {
    format!("CUST-{customer:04}")
}

/// An order of one to three different items from one restaurant.
pub fn place(customer: u32, rng: &mut impl Rng) -> Command {
    let restaurant: u32 = (1..=RESTAURANTS).fake_with_rng(rng);
    let menu = &MENUS[restaurant as usize % MENUS.len()];
    let lines = *[1, 1, 2, 2, 3].choose(rng).unwrap_or(&1);
    let items = menu
        .sample(rng, lines)
        .map(|(name, price)| Item {
            name: (*name).into(),
            quantity: (1..=3).fake_with_rng(rng),
            unit_price_cents: *price,
        })
        .collect();
    Command::Place {
        customer_id: customer_id(customer),
        restaurant_id: format!("REST-{restaurant:03}"),
        items,
        currency: "EUR".into(),
    }
}

pub fn pay(rng: &mut impl Rng) -> Command {
    Command::Pay { payment_method: pick(&PAYMENT_METHODS, rng) }
}

pub fn ship(rng: &mut impl Rng) -> Command {
    Command::Ship { courier_id: format!("COUR-{:03}", (1..=COURIERS).fake_with_rng::<u32, _>(rng)) }
}

pub fn cancel(rng: &mut impl Rng) -> Command {
    Command::Cancel { reason: pick(&REASONS, rng) }
}

fn pick(texts: &[&str], rng: &mut impl Rng) -> String {
    texts.choose(rng).copied().unwrap_or_default().into()
}
