//! `postgresql://HOST:PORT/DATABASE`: what a location means. The host may be the folder of a socket, as in
//! `postgresql://%2Fvar%2Frun%2Fpostgresql/flows`.

use remote_source::error::words;
use remote_source::{Cause, RemoteError, Settings, http};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use url::Url;

use remote_source::source::CONNECT_TIMEOUT;

/// Both are in use.
pub(crate) const SCHEMES: &[&str] = &["postgres", "postgresql"];
/// How servers name who asks.
const APPLICATION: &str = "flowdeck";
const PASSWORD: &str = "password";

/// How a server is reached.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    /// For people.
    pub(crate) place: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)
    }
}

impl Address {
    pub(crate) fn of(settings: &Settings) -> Result<Self, RemoteError> {
        let url = http::address(settings, SCHEMES)?;
        let place = decoded(&http::shown(&url));
        let host = decoded(url.host_str().unwrap_or_default());
        let mut config = Config::new();
        config.application_name(APPLICATION).connect_timeout(CONNECT_TIMEOUT).host(host.trim_matches(['[', ']']));
        if let Some(port) = url.port() {
            config.port(port);
        }
        let database = decoded(url.path().trim_matches('/'));
        if !database.is_empty() {
            config.dbname(database);
        }
        let user = settings.user.clone().unwrap_or_else(|| decoded(url.username()));
        if !user.is_empty() {
            config.user(user);
        }
        if let Some(password) = settings.secrets.get(PASSWORD) {
            config.password(password.expose());
        }
        config.ssl_mode(encryption(settings, &url, &host));
        if let Some((name, _)) = url.query_pairs().next() {
            let fact = format!("`{}` in the address means nothing here", words(&name, &[]));
            let hint = "Write what is set about the source as keys of their own, e.g. table = \"flows\"".into();
            return Err(RemoteError::new(&place, Cause::Setting { fact, hint }));
        }
        Ok(Self { config, place })
    }
}

/// Encrypted and checked to other machines, unless that may be without; within this machine only when an authority is
/// named for it.
fn encryption(settings: &Settings, url: &Url, host: &str) -> SslMode {
    let stays_here = host.starts_with('/') || host == "::1" || is_loopback(host) || http::is_this_machine(url);
    match (settings.ca_file.is_some(), stays_here, settings.allow_http) {
        (true, ..) => SslMode::Require,
        (false, true, _) => SslMode::Disable,
        (false, false, true) => SslMode::Prefer,
        (false, false, false) => SslMode::Require,
    }
}

/// Addresses of schemes that are not of the web are not parsed as such.
fn is_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// With `%2F` and the like read.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(|_| *byte == b'%') {
            Some(code) => {
                decoded.push(code);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::config::Host;

    fn of(location: &str, allow_http: bool) -> Result<Address, RemoteError> {
        Address::of(&Settings { location: location.to_owned(), allow_http, ..Settings::default() })
    }

    #[test]
    fn locations() {
        let found = of("postgresql://reader@db.example.org:5433/flows", false).expect("an address");
        assert_eq!(found.place, "postgresql://db.example.org:5433/flows");
        assert_eq!(found.config.get_hosts(), [Host::Tcp("db.example.org".into())]);
        assert_eq!((found.config.get_ports(), found.config.get_dbname()), ([5433].as_slice(), Some("flows")));
        assert_eq!(found.config.get_user(), Some("reader"));
        assert_eq!(found.config.get_ssl_mode(), SslMode::Require);
        let socket = of("postgresql://%2Fvar%2Frun%2Fpostgresql/flows", false).expect("an address");
        assert_eq!(socket.config.get_hosts(), [Host::Unix("/var/run/postgresql".into())]);
        for (location, allow_http, mode) in [
            ("postgres://127.0.0.1/flows", false, SslMode::Disable),
            ("postgres://localhost/flows", false, SslMode::Disable),
            ("postgres://[::1]/flows", false, SslMode::Disable),
            ("postgres://10.0.0.1/flows", true, SslMode::Prefer),
            ("postgres://10.0.0.1/flows", false, SslMode::Require),
        ] {
            assert_eq!(of(location, allow_http).expect(location).config.get_ssl_mode(), mode, "{location}");
        }
        assert!(of("postgresql:///flows", false).is_err() && of("mysql://host/flows", false).is_err());
        let error = of("postgresql://host/flows?sslmode=disable", true).expect_err("a parameter");
        assert!(error.to_string().contains("`sslmode` in the address"), "{error}");
    }
}
