//! Commands on an order and the events they lead to.
