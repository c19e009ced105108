//! Requests over HTTP: keys in headers, bounds on time, retries where a server asks for patience, faults in words.
//!
//! Keys go to the configured address alone: redirects are not followed. What a server answers with an error is read up to
//! a bound and explained by the connector, which knows where its kind of server puts reasons.

use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode};
use url::{Host, Url};

use flow_source::Secret;

use crate::error::{Cause, RemoteError, innermost, words};
use crate::source::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, Settings};
use crate::tls;

/// Tries in all, where a server is busy.
const TRIES_MAX: u32 = 4;
/// Before the second try; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait before a try, whatever the server asks for.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Of an answer that is an error.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// The secret that goes with a user.
const PASSWORD: &str = "password";
/// The secret that needs none.
const TOKEN: &str = "token";

/// What an answer with this status and body means, where its kind of server says so.
pub type Explain = fn(status: u16, body: &str) -> Option<Cause>;

/// A way to one server.
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    place: String,
    login: Login,
    secrets: Vec<Secret>,
    explain: Explain,
}

#[derive(Clone)]
enum Login {
    None,
    Basic { user: String, password: Option<Secret> },
    Token(HeaderValue),
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Http {
    /// The way to the server of a source. `token_kind` is what stands before a token in the header, e.g. `Bearer`.
    ///
    /// # Errors
    /// When the address is none, or holds a password, or would be asked without encryption; when the authorities cannot
    /// be read.
    pub fn new(settings: &Settings, token_kind: &str, explain: Explain) -> Result<Self, RemoteError> {
        let mut base = address(settings, &["http", "https"])?;
        let place = shown(&base);
        let fail = |cause| RemoteError::new(&place, cause);
        if base.scheme() == "http" && !settings.allow_http && !is_this_machine(&base) {
            return Err(fail(Cause::Plain));
        }
        let user = settings.user.clone().or_else(|| Some(base.username().to_owned()).filter(|user| !user.is_empty()));
        // It goes into a header.
        let _ = base.set_username("");
        let login = login(settings, user, token_kind).map_err(fail)?;
        let client = client(settings).map_err(fail)?;
        let secrets = settings.secrets.values().cloned().collect();
        Ok(Self { client, base, place, login, secrets, explain })
    }

    /// The server for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The same server, with what is asked there.
    #[must_use]
    pub fn at(&self, what: &str) -> Self {
        Self { place: format!("{}, {what}", self.place), ..self.clone() }
    }

    /// The same server, with secrets that must not be repeated when it says them.
    #[must_use]
    pub fn hiding(&self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut http = self.clone();
        http.secrets.extend(secrets);
        http
    }

    /// An error at that server.
    pub fn error(&self, cause: Cause) -> RemoteError {
        RemoteError::new(&self.place, cause)
    }

    /// Words of the server, fit to be repeated.
    pub fn words(&self, text: &str) -> String {
        words(text, &self.secrets)
    }

    /// The address of a path below that of the source.
    pub fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Sends what `make` makes, again where the server is busy. The answer is a success.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub async fn send(&self, make: impl Fn(&Client) -> RequestBuilder) -> Result<Response, RemoteError> {
        let mut wait = FIRST_WAIT;
        for tries_left in (0..TRIES_MAX).rev() {
            let request = match &self.login {
                Login::None => make(&self.client),
                Login::Basic { user, password } => {
                    make(&self.client).basic_auth(user, password.as_ref().map(Secret::expose))
                }
                Login::Token(token) => make(&self.client).header(AUTHORIZATION, token.clone()),
            };
            let response = request.send().await.map_err(|fault| self.error(of_connection(&fault)))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            if !is_busy || tries_left == 0 {
                return Err(self.refused(response).await);
            }
            tokio::time::sleep(asked_wait(&response).unwrap_or(wait).min(WAIT_MAX)).await;
            wait *= 2;
        }
        Err(self.error(Cause::TimedOut { seconds: WAIT_MAX.as_secs() }))
    }

    /// The whole of an answer, up to a bound.
    ///
    /// # Errors
    /// When it breaks off, or is longer.
    pub async fn body(&self, response: Response, bytes_max: usize) -> Result<Vec<u8>, RemoteError> {
        let mut pieces = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(|fault| self.broken(&fault))?);
            if body.len() > bytes_max {
                let reason = format!("it is longer than {} MiB", bytes_max >> 20);
                return Err(self.error(Cause::Malformed { reason }));
            }
        }
        Ok(body)
    }

    /// The pieces of an answer as they arrive.
    pub fn pieces(&self, response: Response) -> BoxStream<'static, Result<Vec<u8>, RemoteError>> {
        let http = self.clone();
        let pieces = response.bytes_stream().map(move |piece| match piece {
            Ok(piece) => Ok(piece.to_vec()),
            Err(fault) => Err(http.broken(&fault)),
        });
        pieces.boxed()
    }

    fn broken(&self, fault: &reqwest::Error) -> RemoteError {
        self.error(match fault.is_timeout() {
            true => Cause::TimedOut { seconds: ANSWER_TIMEOUT.as_secs() },
            false => Cause::Broken { reason: innermost(fault) },
        })
    }

    async fn refused(&self, response: Response) -> RemoteError {
        let status = response.status();
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            body.extend_from_slice(&piece[..piece.len().min(REFUSAL_BYTES_MAX - body.len())]);
            if body.len() >= REFUSAL_BYTES_MAX {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body);
        let hidden = self.secrets.iter().fold(body.into_owned(), |text, secret| secret.hide_in(&text));
        let number = status.as_u16();
        let explained = (self.explain)(number, &hidden);
        self.error(explained.unwrap_or_else(|| match number {
            401 => Cause::Login { words: String::new() },
            403 => Cause::Forbidden { words: String::new() },
            300..=399 => Cause::Redirected { status: number },
            429 | 503 => Cause::Busy { status: number, words: String::new() },
            _ => Cause::Refused { words: format!("it answers {status}") },
        }))
    }
}

/// The address of a source, without what does not belong there.
///
/// # Errors
/// When it is none, is of another scheme, or holds a password.
pub fn address(settings: &Settings, schemes: &[&str]) -> Result<Url, RemoteError> {
    let wrong = |fact: &str, hint: String| {
        // Who may stand before the last `@`, with a password that has any of `?#/:` in it: that goes first.
        let place = settings.location.rsplit('@').next().unwrap_or_default();
        let place = place.split_once("://").map_or(place, |(_, rest)| rest);
        let place = place.split(['?', '#']).next().unwrap_or_default();
        RemoteError::new(&words(place, &[]), Cause::Setting { fact: fact.to_owned(), hint })
    };
    let example = format!("Write `location` as in {}://HOST:PORT", schemes.last().unwrap_or(&"https"));
    let url = Url::parse(&settings.location)
        .map_err(|fault| wrong(&format!("it is no address: {fault}"), example.clone()))?;
    if !schemes.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong(
            &format!("it is no address of this connector, which are {}", schemes.join(" and ")),
            example,
        ));
    }
    if url.password().is_some() {
        let hint = "Remove it (and change it, if others may have seen it), and write [sources.NAME.secrets] with \
                    password = { env = \"VARIABLE\" } or { file = \"PATH\" }";
        return Err(wrong("there is a password in the address", hint.to_owned()));
    }
    Ok(url)
}

/// A server for people: no user, no query.
pub fn shown(url: &Url) -> String {
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    words(&format!("{}://{host}{}", url.scheme(), url.path().trim_end_matches('/')), &[])
}

/// Whether an address stays on this machine.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn login(settings: &Settings, user: Option<String>, token_kind: &str) -> Result<Login, Cause> {
    if let Some(token) = settings.secrets.get(TOKEN) {
        let header = HeaderValue::from_str(&format!("{token_kind} {}", token.expose()));
        let mut header = header.map_err(|_| Cause::Setting {
            fact: "the secret `token` has characters that no token has".into(),
            hint: "Check where it is read from".into(),
        })?;
        header.set_sensitive(true);
        return Ok(Login::Token(header));
    }
    let password = settings.secrets.get(PASSWORD).cloned();
    match user {
        Some(user) => Ok(Login::Basic { user, password }),
        None if password.is_some() => Err(Cause::Setting {
            fact: "there is a password and no user".into(),
            hint: "Write `user` of the source in flowdeck.toml".into(),
        }),
        None => Ok(Login::None),
    }
}

fn client(settings: &Settings) -> Result<Client, Cause> {
    let mut builder = Client::builder()
        .user_agent(concat!("flowdeck/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(ANSWER_TIMEOUT);
    if let Some(path) = &settings.ca_file {
        for authority in tls::authorities(path)? {
            let authority = Certificate::from_der(&authority);
            builder =
                builder.add_root_certificate(authority.map_err(|fault| Cause::Insecure { reason: innermost(&fault) })?);
        }
    }
    builder.build().map_err(|fault| Cause::Insecure { reason: innermost(&fault) })
}

/// A number of seconds; a date is taken for no word at all.
fn asked_wait(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn of_connection(fault: &reqwest::Error) -> Cause {
    if fault.is_timeout() {
        return Cause::TimedOut {
            seconds: if fault.is_connect() { CONNECT_TIMEOUT } else { ANSWER_TIMEOUT }.as_secs(),
        };
    }
    let chain = std::iter::successors(Some(fault as &(dyn Error + 'static)), |&fault| fault.source());
    let all: String = chain.skip(1).map(|fault| fault.to_string().to_lowercase()).collect::<Vec<_>>().join(": ");
    let reason = innermost(fault);
    match fault.is_connect() {
        _ if ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| all.contains(word)) => {
            Cause::Insecure { reason }
        }
        true => Cause::Unreachable { reason },
        false => Cause::Broken { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: &str = "s3cr3t-of-a-test";

    fn settings(location: &str) -> Settings {
        let secrets = [(PASSWORD.to_owned(), Secret::new(PLANTED))].into();
        Settings { location: location.to_owned(), user: Some("u".into()), secrets, ..Settings::default() }
    }

    #[test]
    fn addresses_that_are_not_asked() {
        for (location, fact) in [
            ("http://192.0.2.1:8123", "not be encrypted"),
            ("ftp://127.0.0.1/", "no address of this connector"),
            ("/data/flows", "no address"),
            (&format!("https://u:{PLANTED}@127.0.0.1/?x={PLANTED}"), "password in the address"),
            // Before such a letter the parser sees a host and a port.
            (&format!("https://u:{PLANTED}#1@127.0.0.1/flows"), "no address"),
            (&format!("https://u:{PLANTED}?/1@127.0.0.1/flows"), "no address"),
        ] {
            let error = Http::new(&settings(location), "Bearer", |_, _| None).expect_err(location);
            let shown = format!("{error} {:?} {error:?}", error.hint());
            assert!(shown.contains(fact) && !shown.contains(PLANTED), "{shown}");
        }
        for location in ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8123/a", "https://192.0.2.1"] {
            let http = Http::new(&settings(location), "Bearer", |_, _| None).expect(location);
            assert!(!format!("{http:?}").contains(PLANTED));
        }
    }

    #[test]
    fn paths_are_below_the_address() {
        let http = Http::new(&settings("https://host/es/?x=1"), "Bearer", |_, _| None).expect("a way");
        assert_eq!(http.url(&["flows-*", "_search"]).path(), "/es/flows-*/_search");
        assert_eq!(http.url(&["a/b?c"]).path(), "/es/a%2Fb%3Fc");
        assert_eq!(http.place(), "https://host/es");
    }
}
