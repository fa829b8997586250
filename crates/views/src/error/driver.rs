//! Prints errors of the driver in full, since its own text is only "db error".

use std::error::Error as StdError;
use std::io;

/// PostgreSQL's own words if it answered, else all that the driver knows.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| words(error), of_server)
}

/// The same for an attempt to connect, with the way out.
pub(super) fn describe_connecting(error: &tokio_postgres::Error) -> String {
    let has = |is: fn(&(dyn StdError + 'static)) -> bool| causes(error).any(is);
    let way_out = if has(|cause| cause.is::<io::Error>()) {
        "; start PostgreSQL there, or set DATABASE_URL to the address of a running one"
    } else if has(|cause| cause.is::<native_tls::Error>()) {
        "; name the file with the certificate of the authority that signed the server's in DATABASE_SSL_ROOT_CERT, or, if \
         the connection needs no TLS, add ?sslmode=disable to DATABASE_URL"
    } else if error.code().is_some_and(|code| code.code().starts_with("28")) {
        "; see the user and the password in DATABASE_URL, where an @ is written %40, and pg_hba.conf of the server"
    } else {
        ""
    };
    describe(error) + way_out
}

fn of_server(error: &tokio_postgres::error::DbError) -> String {
    let mut text = format!("{} (SQLSTATE {})", error.message(), error.code().code());
    for more in [error.detail(), error.hint(), error.where_()].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    text
}

/// A foreign error and its causes in one line, with PostgreSQL's words in place of the driver's.
pub(crate) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let words = match cause.downcast_ref::<tokio_postgres::error::DbError>() {
            Some(error) => of_server(error),
            None => cause.to_string(),
        };
        text.push_str(": ");
        text.push_str(&words);
    }
    text
}

pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

/// Whether the connection is to blame, and not this program or the server.
pub(crate) fn is_of_the_connection(error: &tokio_postgres::Error) -> bool {
    // Time-outs of the driver have no cause.
    error.is_closed() || error.source().is_none() || causes(error).any(|cause| cause.is::<io::Error>())
}
