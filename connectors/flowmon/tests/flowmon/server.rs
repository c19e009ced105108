//! A collector for these tests: the API's answers as the guide has them, and a record of what was asked. The one that
//! applies filters, and goes wrong in every way, is that of the Python tests.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Who may ask.
pub(crate) const USER: &str = "analyst";
/// Planted: it may be found nowhere but in a request.
pub(crate) const PASSWORD: &str = "s3cr3t-of-a-test";

/// A request as far as it matters.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

/// What the server has.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    rows: Vec<Value>,
    /// Those of the last search; all of them without any.
    channels: Vec<String>,
    polls_left: u32,
    asked: Vec<Asked>,
    tokens: u32,
    /// Requests with an older token get 401.
    token_wanted: u32,
    expires_in: u64,
    is_gone: bool,
}

impl Collector {
    pub(crate) fn with(rows: Value) -> Collector {
        let rows = rows.as_array().unwrap().clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            rows,
            channels: Vec::new(),
            polls_left: 0,
            asked: Vec::new(),
            tokens: 0,
            token_wanted: 1,
            expires_in: 3600,
            is_gone: false,
        };
        let collector = Collector { address, state: Arc::new(Mutex::new(state)) };
        let server = collector.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let server = server.clone();
                std::thread::spawn(move || server.serve(&connection));
            }
        });
        collector
    }

    /// Tokens given so far are not accepted any more.
    pub(crate) fn forget_tokens(&self) {
        let mut state = self.state.lock().unwrap();
        state.token_wanted = state.tokens + 1;
    }

    /// How long the tokens that it gives are good.
    pub(crate) fn expire_in(&self, seconds: u64) {
        self.state.lock().unwrap().expires_in = seconds;
    }

    /// So often it says that the next result is not there yet.
    pub(crate) fn compute(&self, polls: u32) {
        self.state.lock().unwrap().polls_left = polls;
    }

    /// From now on it closes connections without an answer.
    pub(crate) fn leave(&self) {
        self.state.lock().unwrap().is_gone = true;
    }

    /// What was asked so far, for what path.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.state.lock().unwrap().asked.iter().filter(|asked| asked.path.starts_with(path)).cloned().collect()
    }

    fn serve(&self, connection: &TcpStream) {
        let mut reader = BufReader::new(connection);
        while let Some(asked) = request(&mut reader) {
            let mut state = self.state.lock().unwrap();
            if state.is_gone {
                return;
            }
            state.asked.push(asked.clone());
            let (status, answer) = state.answer(&asked);
            drop(state);
            let answer = if answer.is_null() { String::new() } else { answer.to_string() };
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            let mut writer = connection;
            if writer.write_all((head + &answer).as_bytes()).is_err() {
                return;
            }
        }
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> (u16, Value) {
        if asked.path == "/resources/oauth/token" {
            return self.token(&asked.body);
        }
        if !asked.path.starts_with("/rest/fmc/") {
            return (404, Value::Null);
        }
        let token = asked.authorization.strip_prefix("bearer token-").and_then(|number| number.parse().ok());
        if token.is_none_or(|number: u32| number < self.token_wanted) {
            return (401, json!({"error": "invalid_grant", "error_description": "The access token is not valid"}));
        }
        match asked.path.as_str() {
            "/rest/fmc/profiles" => (200, json!([{"id": "live"}, {"id": "mail"}])),
            "/rest/fmc/profiles/channels" if asked.query == "profileId=live" => {
                (200, json!([{"id": "live/CESNET", "name": "CESNET"}, {"id": "live/SRV", "name": "SRV"}]))
            }
            "/rest/fmc/profiles/channels" => (404, json!({"message": "No such profile"})),
            "/rest/fmc/analysis/nfcolumns" => (200, json!([{"id": "ts"}, {"id": "te"}, {"id": "in"}])),
            "/rest/fmc/analysis/flows" => {
                let channels = search_of(asked)["channels"].as_array().cloned().unwrap_or_default();
                self.channels = channels.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                (200, json!({"id": "797"}))
            }
            "/rest/fmc/analysis/results/797" if self.polls_left > 0 => {
                self.polls_left -= 1;
                (202, json!({"code": 202, "message": "Requested result is not available yet."}))
            }
            "/rest/fmc/analysis/results/797" => match self.found() {
                found if found.is_empty() => (204, Value::Null),
                found => (200, found.into()),
            },
            "/rest/fmc/analysis/results" => (200, json!([{"id": 797, "state": 0}])),
            _ => (404, Value::Null),
        }
    }

    /// The rows of the channels that were asked for. Which these are is not in them.
    fn found(&self) -> Vec<Value> {
        let is_wanted = |row: &&Value| {
            self.channels.is_empty() || self.channels.iter().any(|channel| row["channel"] == channel.as_str())
        };
        let mut found: Vec<Value> = self.rows.iter().filter(is_wanted).cloned().collect();
        found.iter_mut().filter_map(Value::as_object_mut).for_each(|row| {
            row.remove("channel");
        });
        found
    }

    fn token(&mut self, form: &str) -> (u16, Value) {
        let has = |pair: &str| form.split('&').any(|part| part == pair);
        let with_password =
            has("grant_type=password") && has(&format!("password={PASSWORD}")) && has("username=analyst");
        let refreshed = has("grant_type=refresh_token") && has(&format!("refresh_token=refresh-{}", self.tokens));
        if !(with_password || refreshed) || !has("client_id=invea-tech") {
            return (400, json!({"error": "invalid_grant", "error_description": format!("Wrong: {form}")}));
        }
        self.tokens += 1;
        let number = self.tokens;
        (
            200,
            json!({"access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": self.expires_in,
                     "refresh_token": format!("refresh-{number}")}),
        )
    }
}

/// The search of a request for flows, in its address or in a form.
pub(crate) fn search_of(asked: &Asked) -> Value {
    let text = parameter(&asked.query, "search").unwrap_or_else(|| part(&asked.body, "search"));
    serde_json::from_str(&text).unwrap()
}

/// A parameter in an address.
pub(crate) fn parameter(query: &str, wanted: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

/// A field of a form of several parts.
fn part(body: &str, wanted: &str) -> String {
    let head = format!("name=\"{wanted}\"\r\n\r\n");
    body.split_once(&head).unwrap().1.split_once("\r\n--").unwrap().0.to_owned()
}

fn request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    Some(Asked { method, path, query, authorization, body: String::from_utf8(body).ok()? })
}
