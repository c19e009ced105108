//! Accepts connections, over TCP or a Unix socket.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    net::{TcpListener, UnixListener},
};

use super::BindFailed;

/// A pause after a failed accept: when descriptors run out it fails at once, again and again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// A bound address.
pub(super) struct Listener {
    channel: &'static str,
    socket: Socket,
}

enum Socket {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

/// An accepted connection.
pub(super) struct Connection {
    /// What the peer says. Buffered: a frame has several small parts.
    pub(super) reader: Reader,
    /// What the peer is told. Whoever writes joins small parts first.
    pub(super) writer: Writer,
}

/// See [`Connection::reader`].
pub(super) type Reader = BufReader<Box<dyn AsyncRead + Send + Unpin>>;

/// See [`Connection::writer`].
pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl Listener {
    /// Binds `tcp://HOST:PORT` or `ipc://PATH`.
    pub(super) async fn bind(channel: &'static str, url: &str) -> Result<Listener, BindFailed> {
        let bound = match (url.strip_prefix("tcp://"), url.strip_prefix("ipc://")) {
            (Some(address), _) => TcpListener::bind(tcp_address(address)).await.map(Socket::Tcp),
            (_, Some(path)) => UnixListener::bind(path).map(Socket::Ipc),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "the transport is neither tcp nor ipc")),
        };
        match bound {
            Ok(socket) => Ok(Listener { channel, socket }),
            Err(error) => Err(BindFailed { channel, url: url.to_owned(), reason: error.to_string() }),
        }
    }

    /// Serves each connection in a task of its own, for as long as the process lives.
    pub(super) async fn serve<Serving>(self, serve: impl Fn(Connection) -> Serving)
    where
        Serving: Future<Output = ()> + Send + 'static,
    {
        loop {
            match self.accept().await {
                Ok(connection) => {
                    tokio::spawn(serve(connection));
                }
                Err(error) => {
                    tracing::warn!(channel = self.channel, %error, "a connection was not accepted");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<Connection> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small messages must not wait for more; a peer that is gone already shows up when it is written to.
                let _ = stream.set_nodelay(true);
                let (reader, writer) = stream.into_split();
                Ok(Connection::of(reader, writer))
            }
            Socket::Ipc(listener) => {
                let (reader, writer) = listener.accept().await?.0.into_split();
                Ok(Connection::of(reader, writer))
            }
        }
    }
}

impl Connection {
    pub(super) fn of(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Connection {
        Connection { reader: BufReader::new(Box::new(reader)), writer: Box::new(writer) }
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
