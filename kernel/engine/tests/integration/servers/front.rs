//! Servers written for the tests, in Python: started, told to fail, asked what they were asked.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A server that ends with this.
pub(super) struct Front {
    process: Child,
    pub(super) port: u16,
}

impl Front {
    /// `python` runs a script of tests/servers.
    pub(super) fn start(python: &str, script: &str, arguments: &[&str]) -> Front {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
        let mut process = Command::new(python)
            .arg("-B")
            .arg(folder.join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python, which the tests need");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the port");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{script} does not start: {line}"));
        Front { process, port }
    }

    pub(super) fn location(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next answers go wrong.
    pub(super) async fn fail(&self, kind: &str, times: u32) {
        let client = reqwest::Client::new();
        let fault =
            client.post(format!("{}/_test/fault", self.location())).json(&json!({"kind": kind, "times": times}));
        fault.send().await.expect("an answer");
    }

    /// What it was asked, in order: method, path, query and body.
    pub(super) async fn asked(&self) -> Vec<Value> {
        let answer = reqwest::get(format!("{}/_test/asked", self.location())).await.expect("an answer");
        answer.json::<Vec<Value>>().await.expect("a list")
    }

    /// The bodies of requests whose method and path are so.
    pub(super) async fn bodies(&self, method: &str, path_end: &str) -> Vec<String> {
        let asked = self.asked().await;
        let text = |request: &Value, name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let asked = asked.iter().filter(|it| text(it, "method") == method && text(it, "path").ends_with(path_end));
        asked.map(|request| text(request, "body")).collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
