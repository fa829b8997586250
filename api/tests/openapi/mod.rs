mod answers;
mod document;
mod exchange;
mod schema;
