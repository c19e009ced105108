//! With what right, and over which connections, a store is asked.
//!
//! Keys of the source go before those of the environment (`AWS_*`); without any, requests are not signed. The places where
//! clouds keep keys of machines are asked only if the environment says so: elsewhere nobody answers there for seconds.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use flow_source::Secret;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{HttpClient, HttpConnector};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::{Host, Url};

use super::RemoteCause;
use super::address::{Address, Place};
use super::fault::Asked;
use super::store::ReadOnly;
use crate::files::FileFault;

/// For a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Tries after the first that fails as the network does.
const RETRIES_MAX: usize = 2;
/// After which nothing is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
/// Times that a server may send on.
const REDIRECTS_MAX: usize = 5;
/// Of AWS, where nothing says another.
const REGION_DEFAULT: &str = "us-east-1";
/// Keys of the environment that say who asks.
const IDENTITIES: &[AmazonS3ConfigKey] = &[
    AmazonS3ConfigKey::AccessKeyId,
    AmazonS3ConfigKey::WebIdentityTokenFile,
    AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    AmazonS3ConfigKey::ContainerCredentialsFullUri,
];

/// How the objects of a source in the network are reached.
#[derive(Debug, Clone, Default)]
pub struct RemoteAccess {
    /// The address of a store that speaks S3; that of AWS without it.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// Whether plain HTTP to other machines is allowed.
    pub allow_http: bool,
    /// The name of the key.
    pub access_key_id: Option<Secret>,
    /// The key.
    pub secret_access_key: Option<Secret>,
    /// For keys that are good for some time only.
    pub session_token: Option<Secret>,
}

impl RemoteAccess {
    /// The names of its secrets in a configuration.
    pub const SECRETS: [&'static str; 3] = ["access_key_id", "secret_access_key", "session_token"];

    /// Tells one from another. Only for this process: it is made of keys.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.endpoint, &self.region, self.allow_http).hash(&mut hasher);
        for secret in [&self.access_key_id, &self.secret_access_key, &self.session_token] {
            secret.as_ref().map(Secret::expose).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The store of an address.
    pub(super) fn store(&self, address: &Address) -> Result<ReadOnly, FileFault> {
        let (inner, asked) = match &address.place {
            Place::Bucket(bucket) => self.bucket(bucket).map_err(|cause| cause.at(address))?,
            Place::Server(url) => (self.server(url).map_err(|cause| cause.at(address))?, Asked::Web),
        };
        Ok(ReadOnly { inner, address: address.clone(), asked })
    }

    fn server(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, RemoteCause> {
        self.check(url)?;
        let builder =
            HttpBuilder::new().with_url(url.as_str()).with_retry(retries()).with_http_connector(self.client());
        Ok(Arc::new(builder.build().map_err(|error| RemoteCause::of(&error, Asked::Web))?))
    }

    fn bucket(&self, bucket: &str) -> Result<(Arc<dyn ObjectStore>, Asked), RemoteCause> {
        let mut builder = match (&self.access_key_id, &self.secret_access_key) {
            (Some(id), Some(key)) => {
                AmazonS3Builder::new().with_access_key_id(id.expose()).with_secret_access_key(key.expose())
            }
            (None, None) => AmazonS3Builder::from_env(),
            _ => {
                let reason = "the source has one of access_key_id and secret_access_key, and both are needed".into();
                return Err(RemoteCause::Other { reason });
            }
        };
        if let Some(token) = &self.session_token {
            builder = builder.with_token(token.expose());
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        } else if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
            builder = builder.with_region(REGION_DEFAULT);
        }
        if let Some(endpoint) = builder.get_config_value(&AmazonS3ConfigKey::Endpoint) {
            let bad = |reason: String| RemoteCause::Other { reason: format!("the endpoint is no address: {reason}") };
            self.check(&Url::parse(&endpoint).map_err(|fault| bad(fault.to_string()))?)?;
        }
        let is_signed = IDENTITIES.iter().any(|key| builder.get_config_value(key).is_some());
        let asked = if is_signed { Asked::WithKeys } else { Asked::WithoutKeys };
        let builder = builder
            .with_bucket_name(bucket)
            .with_skip_signature(!is_signed)
            .with_retry(retries())
            .with_http_connector(self.client());
        Ok((Arc::new(builder.build().map_err(|error| RemoteCause::of(&error, asked))?), asked))
    }

    fn check(&self, url: &Url) -> Result<(), RemoteCause> {
        if is_allowed(url, self.allow_http) { Ok(()) } else { Err(RemoteCause::PlainHttp) }
    }

    fn client(&self) -> Client {
        Client { allow_http: self.allow_http }
    }
}

/// Encrypted, or not leaving this machine, or allowed.
fn is_allowed(url: &Url, allow_http: bool) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => true,
        "http" => allow_http || is_here,
        _ => false,
    }
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT }
}

/// The client that all stores share. That of `object_store` would follow a server to any address, and gives up when a
/// whole answer takes longer than half a minute.
#[derive(Debug)]
struct Client {
    allow_http: bool,
}

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        static STRICT: LazyLock<Result<reqwest::Client, String>> = LazyLock::new(|| client(false));
        static LAX: LazyLock<Result<reqwest::Client, String>> = LazyLock::new(|| client(true));
        match if self.allow_http { &*LAX } else { &*STRICT } {
            Ok(client) => Ok(HttpClient::new(client.clone())),
            Err(reason) => Err(object_store::Error::Generic { store: "remote", source: reason.clone().into() }),
        }
    }
}

fn client(allow_http: bool) -> Result<reqwest::Client, String> {
    let redirects = reqwest::redirect::Policy::custom(move |attempt| {
        match attempt.previous().len() > REDIRECTS_MAX || !is_allowed(attempt.url(), allow_http) {
            true => attempt.error("a redirect that is not followed"),
            false => attempt.follow(),
        }
    });
    reqwest::Client::builder()
        .user_agent(concat!("flowdeck/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
        .map_err(|error| format!("no client for the network: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: &str = "s3cr3t-of-a-test";

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (url, allow_http, expected) in [
            ("https://example.org/", false, true),
            ("http://example.org/", false, false),
            ("http://example.org/", true, true),
            ("http://127.0.0.1:9000/", false, true),
            ("http://[::1]/", false, true),
            ("http://localhost:80/", false, true),
            ("http://localhost.example.org/", false, false),
            ("http://169.254.169.254/", false, false),
            ("ftp://127.0.0.1/", true, false),
        ] {
            assert_eq!(is_allowed(&Url::parse(url).expect("a url"), allow_http), expected, "{url}");
        }
    }

    #[test]
    fn stores_do_not_show_their_keys() {
        let access = RemoteAccess {
            access_key_id: Some(Secret::new(PLANTED)),
            secret_access_key: Some(Secret::new(PLANTED)),
            session_token: Some(Secret::new(PLANTED)),
            endpoint: Some("http://127.0.0.1:9".into()),
            ..RemoteAccess::default()
        };
        let address = Address::of("s3://bucket/key").expect("an address").expect("a right one");
        let store = access.store(&address).expect("a store");
        assert_eq!(store.asked, Asked::WithKeys);
        let shown = format!("{store} {store:?} {access:?} {:?}", access.fingerprint());
        assert!(shown.contains("s3://bucket") && !shown.contains(PLANTED), "{shown}");
        let half = RemoteAccess { secret_access_key: None, ..access };
        assert!(half.store(&address).expect_err("half a key").to_string().contains("both are needed"));
    }
}
