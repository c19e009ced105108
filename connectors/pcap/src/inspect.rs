//! The beginning of TCP connections: which protocol is spoken, TLS greetings, HTTP requests and answers.
//!
//! Octets are put in order per direction within a bound (`stream`); what they say is read in `tls` and `http`.

use packet_file::Headers;

use crate::biflow::SYN;
use crate::http::{Exchange, HttpState};
use crate::stream::Stream;
use crate::tls::{Handshake, TlsState};

/// What was seen in a connection, with the time of its first octets.
#[derive(Debug)]
pub(crate) enum Inspected {
    Tls(Box<Handshake>),
    Http(Box<Exchange>),
}

/// What is known of a connection.
#[derive(Debug, Default)]
enum Talk {
    #[default]
    Unknown,
    Tls(Box<TlsState>),
    Http(Box<HttpState>),
    /// Something else, or nothing more to see.
    Over(Option<&'static str>),
}

/// Looks at one connection.
#[derive(Debug, Default)]
pub(crate) struct Inspector {
    client: Stream,
    server: Stream,
    talk: Talk,
}

impl Inspector {
    /// The protocol, in the words of the column `app_protocol`.
    pub(crate) fn protocol(&self) -> Option<&'static str> {
        match self.talk {
            Talk::Unknown => None,
            Talk::Tls(_) => Some("tls"),
            Talk::Http(_) => Some("http"),
            Talk::Over(name) => name,
        }
    }

    pub(crate) fn packet(
        &mut self,
        headers: &Headers<'_>,
        is_forward: bool,
        time_ns: Option<i64>,
        mut give: impl FnMut(Inspected),
    ) {
        let (false, Some(sequence)) = (matches!(self.talk, Talk::Over(_)), headers.tcp_sequence) else { return };
        let is_opening = headers.tcp_flags.is_some_and(|flags| flags & SYN != 0);
        let stream = if is_forward { &mut self.client } else { &mut self.server };
        stream.push(sequence, headers.payload, is_opening);
        if let Talk::Unknown = self.talk {
            self.talk = recognise(&self.client);
        }
        let Self { client, server, talk } = self;
        match talk {
            Talk::Tls(tls) => {
                if let Some(handshake) = tls.read(client, server, time_ns) {
                    give(Inspected::Tls(Box::new(handshake)));
                    self.end(Some("tls"));
                }
            }
            Talk::Http(http) => {
                http.read(client, server, time_ns, |exchange| give(Inspected::Http(Box::new(exchange))))
            }
            _ => {}
        }
    }

    /// Octets in memory.
    pub(crate) fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes()
    }

    /// Gives what was seen only in part: the connection has ended, or is not to be looked into any more.
    pub(crate) fn finish(&mut self, mut give: impl FnMut(Inspected)) {
        match std::mem::take(&mut self.talk) {
            Talk::Tls(mut tls) => {
                if let Some(handshake) = tls.take() {
                    give(Inspected::Tls(Box::new(handshake)));
                }
                self.end(Some("tls"));
            }
            Talk::Http(mut http) => {
                http.take_all(|exchange| give(Inspected::Http(Box::new(exchange))));
                self.end(Some("http"));
            }
            Talk::Over(name) => self.end(name),
            Talk::Unknown => self.end(None),
        }
    }

    fn end(&mut self, name: Option<&'static str>) {
        *self = Self { talk: Talk::Over(name), ..Self::default() };
    }
}

/// By what the client says first; the server may have greeted before.
fn recognise(client: &Stream) -> Talk {
    let bytes = client.bytes();
    if TlsState::recognises(bytes) {
        return Talk::Tls(Box::default());
    }
    if HttpState::recognises(bytes) {
        return Talk::Http(Box::default());
    }
    if bytes.starts_with(b"SSH-") {
        return Talk::Over(Some("ssh"));
    }
    // TPKT with an X.224 connection request, as [MS-RDPBCGR] 2.2.1.1 has it.
    if matches!(bytes, [3, 0, _, _, _, 0xe0, ..]) {
        return Talk::Over(Some("rdp"));
    }
    if bytes.len() >= 16 || client.is_broken() { Talk::Over(None) } else { Talk::Unknown }
}
