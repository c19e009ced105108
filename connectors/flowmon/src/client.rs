//! Requests to one server: a token for them, and what each kind of answer means.
//!
//! A token is got with user and password, refreshed shortly before it ends, and got again when the server does not accept
//! it. It is in no error, log or answer.

use std::time::{Duration, Instant};

use flow_source::Secret;
use remote_source::http::{Http, address};
use remote_source::{Cause, RemoteError, Settings};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client as HttpClient, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

const TOKEN_PATH: &[&str] = &["resources", "oauth", "token"];
const JSON: &str = "application/json";
/// What all clients of this API call themselves.
const CLIENT_ID: &str = "invea-tech";
const PASSWORD: &str = "password";
/// A token is renewed so long before it ends.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
/// How long a token is good when the server does not say.
const TOKEN_LIFETIME_S: u64 = 600;
/// A million rows with all columns.
const ANSWER_BYTES_MAX: usize = 512 << 20;
/// Web servers refuse longer addresses; the API takes the same as a form then.
const URL_BYTES_MAX: usize = 2_000;
/// Where the API puts words for people.
const WORDS: &[&str] = &["/message", "/error_description", "/error/message", "/error"];

/// A way to one server.
pub(crate) struct Client {
    http: Http,
    user: String,
    password: Secret,
    token: Mutex<Option<Token>>,
}

struct Token {
    access: Secret,
    refresh: Option<Secret>,
    good_until: Instant,
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

/// An answer that is no error.
pub(crate) enum Reply {
    /// 202: it is being made.
    NotYet,
    /// 204, and what has no content: there is nothing.
    Nothing,
    /// JSON, not looked into.
    Content(Vec<u8>),
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Client, RemoteError> {
        // User and password get a token, which goes with requests in their place.
        let mut address = address(settings, &["http", "https"])?;
        let of_address = Some(address.username().to_owned()).filter(|user| !user.is_empty());
        let _ = address.set_username("");
        let way = Settings { location: address.into(), user: None, secrets: [].into(), ..settings.clone() };
        let http = Http::new(&way, "bearer", explain)?;
        let missing = |fact: &str, hint: &str| http.error(Cause::Setting { fact: fact.into(), hint: hint.into() });
        let user = settings.user.clone().or(of_address);
        let user = user.ok_or_else(|| missing("it needs a user", "Write `user` of the source in flowdeck.toml"))?;
        let password = settings.secrets.get(PASSWORD).cloned();
        let password = password.ok_or_else(|| {
            missing("it needs a password", "Write `password = { env = \"VARIABLE\" }` into the secrets of the source")
        })?;
        Ok(Client { http: http.hiding([password.clone()]), user, password, token: Mutex::default() })
    }

    /// The server for people.
    pub(crate) fn place(&self) -> &str {
        self.http.place()
    }

    pub(crate) fn error(&self, cause: Cause) -> RemoteError {
        self.http.error(cause)
    }

    /// Words of the server, fit to be repeated.
    pub(crate) fn words(&self, text: &str) -> String {
        self.http.words(text)
    }

    /// Asks for something below the server's address.
    pub(crate) async fn get(&self, path: &[&str], parameters: &[(&str, String)]) -> Result<Reply, RemoteError> {
        let mut url = self.http.url(path);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        if url.as_str().len() <= URL_BYTES_MAX {
            return self.with_token(|http| http.get(url.clone())).await;
        }
        url.set_query(None);
        let (boundary, body) = form(parameters);
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.with_token(|http| http.post(url.clone()).header(CONTENT_TYPE, &kind).body(body.clone())).await
    }

    /// Sends a request with the token; once more with another one when it is not accepted.
    async fn with_token(&self, make: impl Fn(&HttpClient) -> RequestBuilder) -> Result<Reply, RemoteError> {
        let token = self.token(None).await?;
        match self.send(&make, &token).await {
            Err(RemoteError { cause: Cause::Login { .. }, .. }) => {
                let token = self.token(Some(&token)).await?;
                self.send(&make, &token).await
            }
            sent => sent,
        }
    }

    async fn send(&self, make: &impl Fn(&HttpClient) -> RequestBuilder, token: &Secret) -> Result<Reply, RemoteError> {
        let header = HeaderValue::from_str(&format!("bearer {}", token.expose()));
        let odd = || self.error(Cause::Malformed { reason: "its token has characters that no token has".into() });
        let mut header = header.map_err(|_| odd())?;
        header.set_sensitive(true);
        let http = self.http.hiding([token.clone()]);
        reply(&http, |http| make(http).header(AUTHORIZATION, header.clone())).await
    }

    /// A token that is good for a while, and is not `refused`.
    async fn token(&self, refused: Option<&Secret>) -> Result<Secret, RemoteError> {
        // Held while one is got, so that many requests at once get one.
        let mut known = self.token.lock().await;
        let is_refused = |token: &Token| refused.is_some_and(|refused| refused.expose() == token.access.expose());
        if let Some(token) = known.as_ref().filter(|token| !is_refused(token) && Instant::now() < token.good_until) {
            return Ok(token.access.clone());
        }
        let refresh = known.take().and_then(|token| token.refresh);
        let refreshed = match &refresh {
            Some(refresh) => self.refreshed(refresh).await?,
            None => None,
        };
        let token = match refreshed {
            Some(token) => token,
            None => self.granted("password", &[("username", &self.user), ("password", self.password.expose())]).await?,
        };
        let access = token.access.clone();
        *known = Some(token);
        Ok(access)
    }

    /// `None` when the server does not want to refresh, as it does after some time.
    async fn refreshed(&self, refresh: &Secret) -> Result<Option<Token>, RemoteError> {
        match self.granted("refresh_token", &[("refresh_token", refresh.expose())]).await {
            Ok(token) => Ok(Some(token)),
            Err(RemoteError { cause: Cause::Login { .. }, .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// What is secret in the credentials stands last.
    async fn granted(&self, kind: &str, credentials: &[(&str, &str)]) -> Result<Token, RemoteError> {
        let form = [&[("grant_type", kind), ("client_id", CLIENT_ID)], credentials].concat();
        let http = self.http.hiding(credentials.last().map(|(_, secret)| Secret::new(*secret)));
        let url = http.url(TOKEN_PATH);
        let sent = reply(&http, |http| http.post(url.clone()).form(&form)).await.map_err(|fault| match fault.cause {
            // RFC 6749, 5.2: a refused grant has status 400.
            Cause::Refused { words } => self.error(Cause::Login { words }),
            Cause::NoTable { .. } => self.error(no_api()),
            _ => fault,
        });
        let no_token = || self.error(Cause::Malformed { reason: "it gave no token".into() });
        let Reply::Content(body) = sent? else { return Err(no_token()) };
        // What serde says of a wrong type would repeat the value.
        let grant: Grant = serde_json::from_slice(&body).map_err(|_| no_token())?;
        let lifetime = Duration::from_secs(grant.expires_in.unwrap_or(TOKEN_LIFETIME_S));
        Ok(Token {
            access: Secret::new(grant.access_token),
            refresh: grant.refresh_token.map(Secret::new),
            good_until: Instant::now() + lifetime.saturating_sub(RENEW_BEFORE),
        })
    }
}

/// By hand: nothing of it may be printed.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("place", &self.place()).finish_non_exhaustive()
    }
}

async fn reply(http: &Http, make: impl Fn(&HttpClient) -> RequestBuilder) -> Result<Reply, RemoteError> {
    let response = http.send(|client| make(client).header(ACCEPT, JSON)).await?;
    let status = response.status();
    if status == StatusCode::ACCEPTED {
        return Ok(Reply::NotYet);
    }
    let body = http.body(response, ANSWER_BYTES_MAX).await?;
    if body.trim_ascii().is_empty() {
        return Ok(Reply::Nothing);
    }
    match looks_like_json(&body) {
        true => Ok(Reply::Content(body)),
        false => Err(http.error(no_json(status.as_u16()))),
    }
}

/// What an answer means that is no success.
fn explain(status: u16, body: &str) -> Option<Cause> {
    if matches!(status, 300..400 | 429 | 503) {
        return None;
    }
    if !body.trim().is_empty() && !looks_like_json(body.as_bytes()) {
        return Some(if status == 404 { no_api() } else { no_json(status) });
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let words = WORDS.iter().find_map(|place| body.pointer(place)?.as_str()).unwrap_or_default();
    let words = remote_source::error::words(words, &[]);
    Some(match status {
        401 => Cause::Login { words },
        403 => Cause::Forbidden { words },
        // Whoever asked knows what it asked for.
        404 => Cause::NoTable { what: "resource", name: String::new(), known: Vec::new() },
        400 | 422 => Cause::Refused { words },
        _ if words.is_empty() => return None,
        _ => Cause::Refused { words: format!("{words} (it answers {status})") },
    })
}

fn no_api() -> Cause {
    Cause::Setting {
        fact: "there is no API of Flowmon at this address (it answers 404)".into(),
        hint: "`location` is the address of the collector, as in https://flowmon.example.org".into(),
    }
}

fn no_json(status: u16) -> Cause {
    Cause::Malformed { reason: format!("it is a page and not JSON (status {status})") }
}

/// Parameters as a form of several parts, and what separates them.
fn form(parameters: &[(&str, String)]) -> (String, String) {
    let mut boundary = "flowdeck".to_owned();
    while parameters.iter().any(|(_, value)| value.contains(&boundary)) {
        boundary.push('-');
    }
    let mut body = String::new();
    for (name, value) in parameters {
        body.push_str(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    (boundary, body)
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_search_becomes_a_form() {
        let parameters = [("search", r#"{"filter":"x"}"#.to_owned()), ("output", "[\"flowdeck\"]".to_owned())];
        let (boundary, body) = form(&parameters);
        assert_eq!(boundary, "flowdeck-", "no value may look like the end of its part");
        assert_eq!(
            body,
            "--flowdeck-\r\nContent-Disposition: form-data; name=\"search\"\r\n\r\n{\"filter\":\"x\"}\r\n\
             --flowdeck-\r\nContent-Disposition: form-data; name=\"output\"\r\n\r\n[\"flowdeck\"]\r\n--flowdeck---\r\n"
        );
    }

    #[test]
    fn what_answers_mean() {
        for (status, body, expected) in [
            (401, r#"{"error":"invalid_token"}"#, "does not accept the login: invalid_token"),
            (403, r#"{"message":"No right."}"#, "does not allow it: No right"),
            (400, r#"{"code":400,"message":"Syntax error near 'prot'"}"#, "refuses the query: Syntax error near"),
            (404, "<html>Not found</html>", "there is no API of Flowmon"),
            (404, r#"{"message":"Unknown profile"}"#, "there is no resource"),
            (502, "<html>Bad gateway</html>", "a page and not JSON (status 502)"),
            (500, r#"{"message":"disk full"}"#, "disk full (it answers 500)"),
        ] {
            let cause = explain(status, body).expect(body);
            assert!(cause.to_string().contains(expected), "{cause}");
        }
        assert_eq!((explain(503, ""), explain(500, "")), (None, None));
    }
}
