//! One request to a service: the key in a header, bounds on time and size, and what each kind of answer means.

use std::time::Duration;

use flow_source::secret::Secret;
use futures::TryStreamExt;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, StatusCode};
use serde_json::Value;
use url::Url;

use crate::indicator::Indicator;
use crate::outcome::Fault;
use crate::service::{Lookup, Service};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the whole request, unless the configuration says otherwise. Services take seconds for rare names.
pub(crate) const REQUEST_TIMEOUT_S: u64 = 30;
/// A file's report with all engines has half a megabyte.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// What is repeated of a service's own words.
const WORDS_CHARS_MAX: usize = 200;
/// Where services put words for people.
const WORDS: &[&str] = &["/error/message", "/errors/0/detail", "/message", "/description/0", "/title"];
/// VirusTotal's names of errors.
const CODE: &str = "/error/code";

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Reply {
    Found(Vec<Value>),
    NotFound,
    /// Too many requests; how long to wait, when the service says so.
    TooOften {
        retry_after_s: Option<u64>,
    },
    Failed(Fault),
}

/// A way to one service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceClient {
    service: &'static Service,
    url: Url,
    client: Client,
    timeout: Duration,
}

impl ServiceClient {
    pub(crate) fn new(
        service: &'static Service,
        url: Url,
        authorities: &[Certificate],
        timeout_s: u64,
    ) -> reqwest::Result<ServiceClient> {
        // Another server must not get the key.
        let may_follow = service.key.header().is_none() && service.redirects_max > 0;
        let policy = if may_follow { Policy::limited(service.redirects_max) } else { Policy::none() };
        let mut builder = Client::builder()
            .user_agent(concat!("flowdeck/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(policy)
            // The address of a lookup is nobody else's business.
            .referer(false);
        for authority in authorities {
            builder = builder.add_root_certificate(authority.clone());
        }
        Ok(ServiceClient { service, url, client: builder.build()?, timeout: Duration::from_secs(timeout_s) })
    }

    pub(crate) async fn ask(&self, lookup: &Lookup, indicator: &Indicator, key: Option<&Secret>) -> Reply {
        let title = self.service.title;
        let asked = async { self.exchange(lookup, indicator, key).await };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(fault)) => Reply::Failed(fault),
            Err(_) => Reply::Failed(Fault::Timeout { title, seconds: self.timeout.as_secs() }),
        }
    }

    async fn exchange(&self, lookup: &Lookup, indicator: &Indicator, key: Option<&Secret>) -> Result<Reply, Fault> {
        let title = self.service.title;
        let request = (lookup.request)(indicator);
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let headers = self.headers(key)?;
        let sent = match &request.body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        let response = sent.headers(headers).send().await.map_err(|fault| self.unreachable(fault))?;
        let (status, retry_after_s) = (response.status(), retry_after_s(&response));
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Reply::TooOften { retry_after_s });
        }
        if status.is_redirection() {
            return Err(Fault::Redirect { title, status: status.as_u16() });
        }
        let body = self.body(response).await?;
        // A service may repeat what it was given.
        let body = key.map_or_else(|| body.clone(), |key| key.hide_in(&body));
        self.meaning(lookup, status, &body)
    }

    fn headers(&self, key: Option<&Secret>) -> Result<HeaderMap, Fault> {
        let title = self.service.title;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(self.service.accept));
        if let (Some(header), Some(key)) = (self.service.key.header(), key) {
            let words = || Some("it has characters that no key has".to_owned());
            let mut value =
                HeaderValue::from_str(key.expose()).map_err(|_| Fault::KeyRefused { title, words: words() })?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(header), value);
        }
        Ok(headers)
    }

    async fn body(&self, response: Response) -> Result<String, Fault> {
        let title = self.service.title;
        let mut bytes = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.try_next().await.map_err(|fault| self.unreachable(fault))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(Fault::TooLarge { title, megabytes: (ANSWER_BYTES_MAX >> 20) as u64 });
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn meaning(&self, lookup: &Lookup, status: StatusCode, body: &str) -> Result<Reply, Fault> {
        let (title, number) = (self.service.title, status.as_u16());
        let parsed: Result<Value, _> = serde_json::from_str(body);
        let words = parsed.as_ref().ok().and_then(words_of);
        match status {
            StatusCode::OK => {
                let malformed = |reason: String| Fault::Malformed { title, reason };
                let answer = match parsed {
                    Ok(answer) => answer,
                    Err(fault) if looks_like_json(body) => return Err(malformed(fault.to_string())),
                    Err(_) => return Err(Fault::NotJson { title, status: number }),
                };
                let found = (lookup.read)(&answer).map_err(malformed)?;
                Ok(found.map_or(Reply::NotFound, Reply::Found))
            }
            StatusCode::NOT_FOUND if (self.service.is_unknown)(body) => Ok(Reply::NotFound),
            StatusCode::UNAUTHORIZED => Err(Fault::KeyRefused { title, words }),
            StatusCode::FORBIDDEN => Err(Fault::Forbidden { title, words }),
            _ if parsed.is_err() && !body.trim().is_empty() && !looks_like_json(body) => {
                Err(Fault::NotJson { title, status: number })
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Err(Fault::BadRequest { title, words }),
            status if status.is_server_error() => Err(Fault::Unavailable { title, status: number, words }),
            _ => Err(Fault::Status { title, status: number, words }),
        }
    }

    /// The cause, without the address: that it is asked about is nobody's business in a log.
    fn unreachable(&self, fault: reqwest::Error) -> Fault {
        let title = self.service.title;
        if fault.is_timeout() {
            return Fault::Timeout { title, seconds: CONNECT_TIMEOUT.as_secs() };
        }
        let fault = fault.without_url();
        let mut cause: &dyn std::error::Error = &fault;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Fault::Unreachable { title, reason: bounded(&cause.to_string()) }
    }
}

/// Services give seconds; a date is taken for no word at all.
fn retry_after_s(response: &Response) -> Option<u64> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn looks_like_json(body: &str) -> bool {
    body.trim_start().starts_with(['{', '['])
}

fn words_of(body: &Value) -> Option<String> {
    let words = WORDS.iter().find_map(|place| body.pointer(place)?.as_str());
    let code = body.pointer(CODE).and_then(Value::as_str);
    match (code, words) {
        (Some(code), Some(words)) => Some(bounded(&format!("{words} ({code})"))),
        (one, other) => one.or(other).map(bounded),
    }
}

/// A service's words may be anything.
fn bounded(text: &str) -> String {
    let visible = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut words: String = visible.take(WORDS_CHARS_MAX + 1).collect();
    if words.chars().count() > WORDS_CHARS_MAX {
        words.pop();
        words.push('…');
    }
    words.trim().trim_end_matches('.').to_owned()
}
