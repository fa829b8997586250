//! Where the registry is, as given by flag or environment.

use clap::Args;
use reqwest::{Certificate, Url};
use secrecy::{ExposeSecret, SecretString};
use settings::{Invalid, given, given_secret, secret};

use crate::registry::{Login, SchemaRegistry};

#[derive(Args, Clone, Debug)]
pub struct SchemaRegistryArgs {
    /// Schema registry with Confluent's API, such as http://localhost:8081/apis/ccompat/v7; without it, values that
    /// name a schema are dead letters, unless the database has kept the schema
    #[arg(long, env = "SCHEMA_REGISTRY_URL", value_name = "URL", value_parser = secret, hide_env_values = true)]
    pub schema_registry_url: Option<SecretString>,

    /// User for the registry (basic authentication)
    #[arg(long, env = "SCHEMA_REGISTRY_USERNAME", value_name = "USER")]
    pub schema_registry_username: Option<String>,

    /// Password for the registry
    #[arg(long, env = "SCHEMA_REGISTRY_PASSWORD", value_name = "PASSWORD", value_parser = secret, hide_env_values = true)]
    pub schema_registry_password: Option<SecretString>,

    /// PEM file with the certificate that signed the registry's, trusted in addition to the system's certificates
    #[arg(long, env = "SCHEMA_REGISTRY_SSL_CA_LOCATION", value_name = "FILE")]
    pub schema_registry_ssl_ca_location: Option<String>,
}

impl SchemaRegistryArgs {
    /// Reads the certificate's file; connects to nothing. `None`: there is no registry.
    pub fn validate(&self) -> Result<Option<SchemaRegistry>, Invalid> {
        let username = given(self.schema_registry_username.as_deref());
        let password = given_secret(self.schema_registry_password.as_ref());
        let Some(url) = given(self.schema_registry_url.as_ref().map(ExposeSecret::expose_secret)) else {
            return Ok(None);
        };
        let url = parse_url(url)?;
        let login = match (username, password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some(Login { user: user.to_owned(), password: password.clone() }),
            (Some(_), None) => {
                return Err(Invalid::new(
                    "SCHEMA_REGISTRY_PASSWORD",
                    "is missing, and SCHEMA_REGISTRY_USERNAME is set",
                ));
            }
            (None, Some(_)) => {
                return Err(Invalid::new(
                    "SCHEMA_REGISTRY_USERNAME",
                    "is missing, and SCHEMA_REGISTRY_PASSWORD is set",
                ));
            }
        };
        SchemaRegistry::new(&url, login, self.certificates()?).map(Some)
    }

    fn certificates(&self) -> Result<Vec<Certificate>, Invalid> {
        let Some(path) = given(self.schema_registry_ssl_ca_location.as_deref()) else {
            return Ok(Vec::new());
        };
        let invalid = |reason: String| {
            Invalid::new("SCHEMA_REGISTRY_SSL_CA_LOCATION", format!("is {path}, which {reason}"))
        };
        let pem = std::fs::read(path).map_err(|error| invalid(format!("cannot be read: {error}")))?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if certificates.is_empty() => Err(invalid("holds no certificate".into())),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(invalid(format!("holds no certificate that can be used: {error}"))),
        }
    }
}

/// The text is not repeated in a message, since somebody may have put a password into it.
fn parse_url(text: &str) -> Result<Url, Invalid> {
    let invalid = |reason: &str| Invalid::new("SCHEMA_REGISTRY_URL", reason);
    let url: Url = text
        .parse()
        .map_err(|_| invalid("is not a URL; it must be one such as http://localhost:8081/apis/ccompat/v7"))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(invalid(
            "must begin with http:// or https:// and name a host; several URLs are not supported",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "must not contain a user or a password; set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() || url.as_str().contains(',') {
        return Err(invalid(
            "must be one URL without ? and #, to which paths such as /schemas/ids/1 can be added",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: &str) -> SchemaRegistryArgs {
        SchemaRegistryArgs {
            schema_registry_url: Some(url.to_owned().into()),
            schema_registry_username: None,
            schema_registry_password: None,
            schema_registry_ssl_ca_location: None,
        }
    }

    #[test]
    fn the_url_is_that_of_one_server_and_holds_no_password() {
        for url in ["http://localhost:8081", " https://registry.example/apis/ccompat/v7/ ", "http://[::1]:1"]
        {
            assert!(args(url).validate().unwrap().is_some(), "{url}");
        }
        assert!(args(" ").validate().unwrap().is_none());
        for url in [
            "localhost:8081",
            "registry",
            "ftp://host",
            "http://host?x",
            "http://a:1,http://b:2",
            "http://user:hunter2@host",
        ] {
            let invalid = args(url).validate().unwrap_err();
            assert_eq!(invalid.variable, "SCHEMA_REGISTRY_URL", "{url}");
            assert!(!invalid.to_string().contains("hunter2"), "{invalid}");
        }
    }

    #[test]
    fn a_user_and_a_password_come_together() {
        let with = |user: Option<&str>, password: Option<&str>| SchemaRegistryArgs {
            schema_registry_username: user.map(str::to_owned),
            schema_registry_password: password.map(|password| password.to_owned().into()),
            ..args("http://host")
        };
        let registry = with(Some("u"), Some("hunter2")).validate().unwrap();
        assert!(!format!("{registry:?}").contains("hunter2"));
        let variable = |args: SchemaRegistryArgs| args.validate().unwrap_err().variable;
        assert_eq!(variable(with(Some("u"), None)), "SCHEMA_REGISTRY_PASSWORD");
        assert_eq!(variable(with(None, Some("p"))), "SCHEMA_REGISTRY_USERNAME");
    }

    #[test]
    fn a_certificate_that_cannot_be_used_is_named() {
        for path in ["/nonexistent/ca.pem", "/dev/null"] {
            let args = SchemaRegistryArgs {
                schema_registry_ssl_ca_location: Some(path.into()),
                ..args("https://host")
            };
            let invalid = args.validate().unwrap_err().to_string();
            assert!(
                invalid.contains(path) && invalid.contains("SCHEMA_REGISTRY_SSL_CA_LOCATION"),
                "{invalid}"
            );
        }
    }
}
