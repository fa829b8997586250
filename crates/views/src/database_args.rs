//! Where PostgreSQL is, as given by flag or environment.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use settings::{Invalid, given, secret};

use crate::connect::Database;

#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// PostgreSQL, as postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require; without it, database food_orders at
    /// localhost:5432, with the user that docker-compose.yml creates
    #[arg(
        long, env = "DATABASE_URL", value_name = "URL", value_parser = secret, hide_env_values = true, hide_default_value = true,
        default_value = "postgres://kafka_user:kafka_password@localhost:5432/food_orders"
    )]
    pub database_url: SecretString,

    /// PEM file with the certificate that signed PostgreSQL's, trusted in addition to the system's certificates
    #[arg(long, env = "DATABASE_SSL_ROOT_CERT", value_name = "FILE")]
    pub database_ssl_root_cert: Option<String>,
}

impl DatabaseArgs {
    /// Reads the certificate's file; connects to nothing.
    pub fn validate(&self) -> Result<Database, Invalid> {
        let url = SecretString::from(self.database_url.expose_secret().trim());
        Database::parse(&url, self.read_root_certificate()?.as_deref())
    }

    /// The bytes of the PEM file, where one is set.
    pub fn read_root_certificate(&self) -> Result<Option<Vec<u8>>, Invalid> {
        let Some(path) = given(self.database_ssl_root_cert.as_deref()) else { return Ok(None) };
        std::fs::read(path).map(Some).map_err(|error| {
            Invalid::new("DATABASE_SSL_ROOT_CERT", format!("is {path}, which cannot be read: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    /// Ignores the environment, which names the servers of the tests.
    fn parse(flags: &[&str]) -> DatabaseArgs {
        let command =
            DatabaseArgs::augment_args(clap::Command::new("test")).mut_args(|arg| arg.env(None::<&str>));
        let matches = command.try_get_matches_from([&["test"], flags].concat()).unwrap();
        DatabaseArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_default_is_the_database_of_docker_compose() {
        let database = parse(&[]).validate().unwrap();
        assert_eq!(database.to_string(), "kafka_user@localhost:5432/food_orders");
    }

    #[test]
    fn each_failure_names_its_variable_and_no_secret() {
        for url in ["", "mysql://u:hunter2@h/d", "host=h password=hunter2", "postgres://u:hunter2@h:port/d"] {
            let invalid = parse(&["--database-url", url]).validate().unwrap_err();
            assert_eq!(invalid.variable, "DATABASE_URL", "{url}");
            assert!(!invalid.to_string().contains("hunter2"), "{invalid}");
        }
        let missing = parse(&["--database-ssl-root-cert", "/no/such.pem"]).validate().unwrap_err();
        assert_eq!(missing.variable, "DATABASE_SSL_ROOT_CERT");
        assert!(missing.reason.starts_with("is /no/such.pem, which cannot be read: "), "{missing}");
        let not_pem = parse(&["--database-ssl-root-cert", "Cargo.toml"]).validate().unwrap_err();
        assert!(not_pem.to_string().starts_with("DATABASE_SSL_ROOT_CERT holds no certificate in PEM form"));
        assert!(parse(&["--database-ssl-root-cert", ""]).validate().is_ok(), "empty counts as not given");
    }

    #[test]
    fn the_password_is_never_printed() {
        let args = parse(&["--database-url", "postgres://u:hunter2@h/d"]);
        let printed = format!("{args:?} {:?}", args.validate().unwrap());
        assert!(!printed.contains("hunter2"), "{printed}");
        let help = DatabaseArgs::augment_args(clap::Command::new("test")).render_long_help().to_string();
        assert!(!help.contains("kafka_password"), "{help}");
    }
}
