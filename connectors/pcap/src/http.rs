//! HTTP/1 requests and the status of their answers, in the order of the connection. By `httparse`.

use std::collections::VecDeque;

use crate::stream::Stream;

const METHODS: &[&[u8]] =
    &[b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ", b"PROPFIND "];
const HEADERS_MAX: usize = 100;
/// Requests of one connection that wait for their answers.
const WAITING_MAX: usize = 64;

/// A request and what came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) time_ns: Option<i64>,
    pub(crate) method: String,
    pub(crate) host: Option<String>,
    pub(crate) uri: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) version: Option<u8>,
    pub(crate) status: Option<u16>,
    pub(crate) content_type: Option<String>,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    None,
    Bytes(u64),
    /// Chunks, or until the end: the next head is where octets look like one.
    Unknown,
}

/// The heads of a connection while they come.
#[derive(Debug, Default)]
pub(crate) struct HttpState {
    waiting: VecDeque<Exchange>,
    client_body: Body,
    server_body: Body,
}

impl HttpState {
    /// Whether octets begin a request.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        METHODS.iter().any(|method| bytes.starts_with(method))
    }

    /// Reads on and gives the exchanges that are complete.
    pub(crate) fn read(
        &mut self,
        client: &mut Stream,
        server: &mut Stream,
        time_ns: Option<i64>,
        mut give: impl FnMut(Exchange),
    ) {
        while skip_body(client, &mut self.client_body, Self::recognises) {
            let Some((exchange, body, used)) = request(client.bytes(), time_ns) else { break };
            client.take(used);
            self.client_body = body;
            self.waiting.push_back(exchange);
            if self.waiting.len() > WAITING_MAX {
                self.waiting.pop_front().into_iter().for_each(&mut give);
            }
        }
        while skip_body(server, &mut self.server_body, |bytes| bytes.starts_with(b"HTTP/1.")) {
            let Some(response) = response(server.bytes()) else { break };
            server.take(response.used);
            let is_interim = (100..200).contains(&response.status) && response.status != 101;
            let is_bodiless = matches!(response.status, 100..200 | 204 | 304)
                || self.waiting.front().is_some_and(|exchange| exchange.method == "HEAD");
            self.server_body = if is_bodiless { Body::None } else { response.body };
            if is_interim {
                continue;
            }
            if let Some(mut exchange) = self.waiting.pop_front() {
                exchange.status = Some(response.status);
                exchange.content_type = response.content_type;
                give(exchange);
            }
        }
    }

    /// The requests whose answers did not come.
    pub(crate) fn take_all(&mut self, give: impl FnMut(Exchange)) {
        self.waiting.drain(..).for_each(give);
    }
}

/// Whether the octets at the front may be a head.
fn skip_body(stream: &mut Stream, body: &mut Body, is_head: impl Fn(&[u8]) -> bool) -> bool {
    match *body {
        Body::None => {}
        Body::Bytes(left) => {
            let there = (stream.bytes().len() as u64).min(left);
            stream.take(there as usize);
            *body = if left > there { Body::Bytes(left - there) } else { Body::None };
        }
        Body::Unknown => {
            // Segments mostly end where a message does.
            if is_head(stream.bytes()) {
                *body = Body::None;
            } else {
                stream.take(stream.bytes().len());
            }
        }
    }
    *body == Body::None && !stream.bytes().is_empty()
}

/// The request at the front, what follows it, and its octets; `None` while it is not whole.
fn request(bytes: &[u8], time_ns: Option<i64>) -> Option<(Exchange, Body, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let used = match request.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return None,
        // Not a request after all: the rest of the connection is passed over.
        Err(_) => bytes.len(),
    };
    let method = request.method?.to_owned();
    let header = |name: &str| value(request.headers, name);
    let exchange = Exchange {
        time_ns,
        host: header("host"),
        uri: request.path?.to_owned(),
        user_agent: header("user-agent"),
        version: request.version,
        method,
        ..Exchange::default()
    };
    let body = body_of(request.headers).unwrap_or(Body::None);
    Some((exchange, body, used))
}

struct Response {
    status: u16,
    content_type: Option<String>,
    body: Body,
    used: usize,
}

fn response(bytes: &[u8]) -> Option<Response> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let used = match response.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => bytes.len(),
    };
    Some(Response {
        status: response.code?,
        content_type: value(response.headers, "content-type"),
        body: body_of(response.headers).unwrap_or(Body::Unknown),
        used,
    })
}

fn body_of(headers: &[httparse::Header<'_>]) -> Option<Body> {
    if value(headers, "transfer-encoding").is_some() {
        return Some(Body::Unknown);
    }
    let length = value(headers, "content-length")?.trim().parse().ok()?;
    Some(if length == 0 { Body::None } else { Body::Bytes(length) })
}

fn value(headers: &[httparse::Header<'_>], name: &str) -> Option<String> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(header.value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(client: &[&[u8]], server: &[&[u8]]) -> Vec<(String, Option<u16>)> {
        let (mut http, mut seen) = (HttpState::default(), Vec::new());
        let (mut there, mut back) = (Stream::default(), Stream::default());
        let (mut there_next, mut back_next) = (0, 0);
        for index in 0..client.len().max(server.len()) {
            for (parts, stream, next) in [(client, &mut there, &mut there_next), (server, &mut back, &mut back_next)] {
                if let Some(part) = parts.get(index) {
                    stream.push(*next, part, false);
                    *next += u32::try_from(part.len()).expect("short parts");
                }
            }
            http.read(&mut there, &mut back, None, |exchange| seen.push((exchange.uri, exchange.status)));
        }
        http.take_all(|exchange| seen.push((exchange.uri, exchange.status)));
        seen
    }

    #[test]
    fn requests_and_answers_in_order() {
        let seen = read(
            &[
                b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n",
                b"\r\nGET /GET /b HTTP/1.1\r\n\r\n",
                b"GET /c HTTP/1.1\r\n\r\n",
            ],
            &[
                b"",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 No\r\n",
                b"Transfer-Encoding: chunked\r\n\r\n3\r\n",
            ],
        );
        assert_eq!(seen, [("/a".to_owned(), Some(200)), ("/b".to_owned(), Some(404)), ("/c".to_owned(), None)]);
    }
}
