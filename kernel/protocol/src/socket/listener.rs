//! Accepts the connections of iopub, over TCP or a Unix socket.

use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};

use super::{BindFailed, subscribers::Subscribers};

/// A pause after a failed accept: when descriptors run out it fails at once, again and again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// A bound address.
pub(super) enum Listener {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

impl Listener {
    /// Binds `tcp://HOST:PORT` or `ipc://PATH`.
    pub(super) async fn bind(channel: &'static str, url: &str) -> Result<Listener, BindFailed> {
        let bound = match (url.strip_prefix("tcp://"), url.strip_prefix("ipc://")) {
            (Some(address), _) => TcpListener::bind(tcp_address(address)).await.map(Listener::Tcp),
            (_, Some(path)) => UnixListener::bind(path).map(Listener::Ipc),
            _ => Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "the transport is neither tcp nor ipc")),
        };
        bound.map_err(|error| BindFailed { channel, url: url.to_owned(), reason: error.to_string() })
    }

    /// Serves each connection in a task of its own, for as long as the process lives.
    pub(super) async fn serve(self, subscribers: Subscribers) {
        loop {
            let accepted = match &self {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    // Small messages must not wait for more; a peer that is gone already shows up when it is written to.
                    let _ = stream.set_nodelay(true);
                    let subscribers = subscribers.clone();
                    tokio::spawn(async move { subscribers.serve(stream).await });
                }),
                Listener::Ipc(listener) => listener.accept().await.map(|(stream, _)| {
                    let subscribers = subscribers.clone();
                    tokio::spawn(async move { subscribers.serve(stream).await });
                }),
            };
            if let Err(error) = accepted {
                tracing::warn!(%error, "an iopub connection was not accepted");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// `*` is any interface; an IPv6 address may come with or without brackets.
fn tcp_address(address: &str) -> String {
    match address.rsplit_once(':') {
        Some(("*", port)) => format!("0.0.0.0:{port}"),
        Some((host, port)) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_connection_files_write_them() {
        for (url, address) in
            [("127.0.0.1:1", "127.0.0.1:1"), ("*:2", "0.0.0.0:2"), ("::1:3", "[::1]:3"), ("[::1]:4", "[::1]:4")]
        {
            assert_eq!(tcp_address(url), address);
        }
    }
}
