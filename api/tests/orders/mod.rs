mod as_of;
mod history;
mod list;
mod one;
