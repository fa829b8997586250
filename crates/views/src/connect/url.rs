//! What a database URL says, in the words of libpq, the library behind psql and most drivers.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use super::tls::Verification;

const FORM: &str = "is not of the form postgres://USER:PASSWORD@HOST:PORT/NAME";

/// A URL whose user or password contains one of these could be read in more than one way, and a piece of the password
/// would become the name of a host, which is printed.
const ENCODE: &str = "has an @, / or ? that can be read in more than one way; in a user, a password or a name, write @ \
                      as %40, / as %2F and ? as %3F";

const KNOWN: &str = "user, password, host, hostaddr, port, dbname, options, sslmode, sslrootcert, sslcert, sslkey, \
                     channel_binding, target_session_attrs, load_balance_hosts, connect_timeout and client_encoding";

/// Words whose values the programs choose themselves.
const WITHOUT_EFFECT: [&str; 8] = [
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "keepalives_retries",
    "tcp_user_timeout",
];

/// A URL that was understood.
#[derive(Debug)]
pub(super) struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) verification: Verification,
    /// The path of a PEM file.
    pub(super) root_certificate: Option<String>,
    /// The same: what the programs show the server.
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    /// How long each host may take.
    pub(super) host_limit: Option<Duration>,
    /// The words that are given without any effect.
    pub(super) without_effect: Vec<String>,
}

impl DatabaseUrl {
    /// The error continues a sentence that begins with the name of the setting. It repeats nothing of the URL but the
    /// words before the equals signs, and these only where they cannot be a piece of a password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or(FORM)?;
        let (base, query) = split(rest)?;
        let config = format!("postgres://{base}").parse().map_err(|_| FORM)?;
        let mut parsed = Self {
            config,
            verification: Verification::Full,
            root_certificate: None,
            certificate: None,
            key: None,
            host_limit: None,
            without_effect: Vec::new(),
        };
        let driver = parsed.read(query)?;
        if !driver.is_empty() {
            let Self { config, .. } = &mut parsed;
            let (mode, attributes) = (config.get_ssl_mode(), config.get_target_session_attrs());
            *config = format!("postgres://{base}?{}", driver.join("&")).parse().map_err(|_| FORM)?;
            config.ssl_mode(mode).target_session_attrs(attributes);
        }
        parsed.check_hosts()?;
        Ok(parsed)
    }

    /// Takes the words in that have a meaning here, and returns those that the driver reads, with their values.
    fn read(&mut self, query: &str) -> Result<Vec<String>, String> {
        let pieces: Vec<&str> = query.split('&').filter(|piece| !piece.is_empty()).collect();
        // An & in a password ends it, and what follows looks like a word.
        let may_be_secret = pieces.iter().any(|piece| piece.starts_with("password="));
        let mut driver = Vec::new();
        for piece in pieces {
            let (word, value) = piece.split_once('=').unwrap_or((piece, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match word {
                // The driver would take several hosts for one.
                "host" => driver.extend(value.split(',').map(|host| format!("host={host}"))),
                "user" | "password" | "hostaddr" | "port" | "dbname" | "options" | "channel_binding"
                | "load_balance_hosts" => {
                    let is_read = format!("postgres://?{piece}").parse::<Config>().is_ok();
                    let refused = || format!("gives {word} a value that it cannot have");
                    driver.push(is_read.then(|| piece.to_owned()).ok_or_else(refused)?);
                }
                "sslmode" => self.read_mode(&value)?,
                "sslrootcert" => self.root_certificate = (value != "system").then(|| value.into_owned()),
                "sslcert" => self.certificate = Some(value.into_owned()),
                "sslkey" => self.key = Some(value.into_owned()),
                "target_session_attrs" => self.read_attributes(&value)?,
                "connect_timeout" => self.host_limit = seconds(&value)?,
                word if WITHOUT_EFFECT.contains(&word) => self.without_effect.push(word.to_owned()),
                word => refuse(word, &value, may_be_secret)?,
            }
        }
        Ok(driver)
    }

    fn read_mode(&mut self, value: &str) -> Result<(), String> {
        let mode = match value {
            "disable" => SslMode::Disable,
            "allow" | "prefer" => SslMode::Prefer,
            "require" | "verify-ca" | "verify-full" => SslMode::Require,
            _ => {
                return Err(
                    "gives sslmode a value that is not known; it must be disable, allow, prefer, require, \
                            verify-ca or verify-full"
                        .into(),
                );
            }
        };
        self.verification = if value == "verify-ca" { Verification::Authority } else { Verification::Full };
        self.config.ssl_mode(mode);
        Ok(())
    }

    fn read_attributes(&mut self, value: &str) -> Result<(), String> {
        self.config.target_session_attrs(match value {
            "any" => TargetSessionAttrs::Any,
            "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
            _ => {
                return Err(
                    "gives target_session_attrs a value that does not serve; it must be any, read-write or \
                            primary, because the programs write"
                        .into(),
                );
            }
        });
        Ok(())
    }

    fn check_hosts(&self) -> Result<(), String> {
        let (hosts, ports) = (self.config.get_hosts().len(), self.config.get_ports().len());
        if hosts == 0 && self.config.get_hostaddrs().is_empty() {
            return Err(format!("names no host: it {FORM}"));
        }
        if ports > 1 && ports != hosts {
            return Err("names another number of ports than of hosts".into());
        }
        Ok(())
    }
}

/// What stands before and behind the question mark.
fn split(rest: &str) -> Result<(&str, &str), String> {
    let mut parts = rest.split('@');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() || (second.is_some() && first.contains(['/', '?'])) {
        return Err(ENCODE.into());
    }
    Ok(rest.split_once('?').unwrap_or((rest, "")))
}

fn seconds(value: &str) -> Result<Option<Duration>, String> {
    let seconds = value.parse().ok().filter(|seconds| *seconds <= 3600);
    let seconds = seconds
        .ok_or("gives connect_timeout a value that is not a whole number of seconds from 0 to 3600")?;
    // As in libpq, 0 stands for the default.
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

/// Words of which only one value fits, and words that are not known.
fn refuse(word: &str, value: &str, may_be_secret: bool) -> Result<(), String> {
    let is = |values: &[&str]| values.iter().any(|known| known.eq_ignore_ascii_case(value));
    let (fits, reason) = match word {
        "pgbouncer" => (
            is(&["false", "0"]),
            "says pgbouncer, but a direct connection to PostgreSQL is needed, because locks and settings belong to a \
             session; give the address of PostgreSQL itself",
        ),
        "schema" | "currentSchema" => (
            is(&["public"]),
            "names a schema, but the tables are made in the schema public and in schemas of their own; use a database \
             of its own instead",
        ),
        "client_encoding" => (is(&["utf8", "utf-8", "auto"]), "gives a client_encoding that is not UTF8"),
        "gssencmode" => (is(&["disable", "prefer"]), "asks for gssencmode, which is not supported"),
        "sslnegotiation" => {
            (is(&["postgres"]), "asks for an sslnegotiation that is not supported; it must be postgres")
        }
        "sslcompression" => (is(&["0"]), "asks for sslcompression, which is not supported"),
        "sslsni" => (is(&["1"]), "asks for TLS without sslsni, which is not supported"),
        _ if may_be_secret => {
            return Err(format!(
                "has a word that is not known; known are {KNOWN}. If it is a piece of the password, write & as %26"
            ));
        }
        word => return Err(format!("has the word {word:?}, which is not known; known are {KNOWN}")),
    };
    if fits { Ok(()) } else { Err(reason.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> DatabaseUrl {
        DatabaseUrl::parse(&format!("postgres://u:p@h/d?{query}")).unwrap()
    }

    fn reason(url: &str) -> String {
        DatabaseUrl::parse(url).unwrap_err()
    }

    #[test]
    fn the_words_of_libpq_are_understood() {
        use SslMode::{Disable, Prefer, Require};
        use Verification::{Authority, Full};
        for (mode, expected) in [
            ("disable", (Disable, Full)),
            ("allow", (Prefer, Full)),
            ("prefer", (Prefer, Full)),
            ("require", (Require, Full)),
            ("verify-ca", (Require, Authority)),
            ("verify-full", (Require, Full)),
        ] {
            let url = parse(&format!("sslmode={mode}&channel_binding=prefer"));
            assert_eq!((url.config.get_ssl_mode(), url.verification), expected, "{mode}");
        }
        for (attributes, expected) in [
            ("any", TargetSessionAttrs::Any),
            ("read-write", TargetSessionAttrs::ReadWrite),
            ("primary", TargetSessionAttrs::ReadWrite),
        ] {
            let url = parse(&format!("target_session_attrs={attributes}&options=-c%20jit%3Doff"));
            assert_eq!(url.config.get_target_session_attrs(), expected, "{attributes}");
            assert_eq!(url.config.get_options(), Some("-c jit=off"));
        }
        assert_eq!(parse("sslrootcert=%2Fca%20s.pem").root_certificate.as_deref(), Some("/ca s.pem"));
        assert_eq!(parse("sslrootcert=system").root_certificate, None);
        let shown = parse("sslcert=me.pem&sslkey=me.key");
        assert_eq!((shown.certificate.as_deref(), shown.key.as_deref()), (Some("me.pem"), Some("me.key")));
        assert_eq!(parse("connect_timeout=12").host_limit, Some(Duration::from_secs(12)));
        assert_eq!(parse("connect_timeout=0").host_limit, None);
        assert_eq!(
            parse("application_name=mine&keepalives=0").without_effect,
            ["application_name", "keepalives"]
        );
        parse("schema=public&pgbouncer=false&client_encoding=UTF8&gssencmode=disable&sslsni=1");
        let named = DatabaseUrl::parse("postgresql:///d?host=a,b&port=1,2&user=u").unwrap();
        assert_eq!((named.config.get_hosts().len(), named.config.get_ports()), (2, &[1, 2][..]));
    }

    #[test]
    fn what_is_refused_is_named() {
        for (query, named) in [
            ("sslmode=full", "verify-full"),
            ("target_session_attrs=standby", "read-write"),
            ("channel_binding=maybe", "channel_binding"),
            ("connect_timeout=soon", "connect_timeout"),
            ("pgbouncer=true", "direct connection"),
            ("schema=lunch", "the schema public"),
            ("sslpassword=lunch", "\"sslpassword\""),
            ("lunch", "\"lunch\""),
        ] {
            let reason = reason(&format!("postgres://u:p@h/d?{query}"));
            assert!(reason.contains(named), "{query}: {reason}");
        }
        assert!(reason("postgres:///d").contains("names no host"));
        assert!(reason("postgres://h:port/d").contains("is not of the form"));
        assert!(reason("postgres://h:1,h:2/d?host=x").contains("ports"));
    }

    /// No piece of these may become a host, a user or a word, because all of them are printed.
    #[test]
    fn an_ambiguous_password_is_refused_and_no_piece_of_it_is_printed() {
        for url in [
            "postgres://u:pa@MARK@h/d",
            "postgres://u:pa@MARK/x@h/d",
            "postgres://u:pa/MARK@h/d",
            "postgres://u:pa?MARK=1@h/d",
            "postgres://h/d?password=pa@MARK",
            "postgres://h:1/d?password=pa@MARK",
            "postgres://u@h/d?password=pa@MARK",
            "postgres://u@h/d?password=pa&MARK=1",
            "postgres://u@h/d?password=pa&MARK",
            "postgres://u:MARK",
            "\"postgres://u:MARK@h/d\"",
        ] {
            let reason = reason(url);
            assert!(!reason.contains("MARK"), "{url}: {reason}");
        }
        assert!(reason("postgres://u:pa@ss@h/d").contains("%40"));
        assert!(reason("postgres://u@h/d?password=pa&ss=1").contains("%26"));
    }
}
