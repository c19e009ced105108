//! The heartbeat: every payload is echoed as it came.

use zeromq::{RepSocket, Socket, SocketRecv, SocketSend};

use super::BindFailed;

/// A pause after a failed receive, so that a broken peer cannot keep a core busy.
const RETRY_PAUSE_MS: u64 = 10;

/// Binds the heartbeat socket.
///
/// # Errors
/// [`BindFailed`] when the address is taken or not ours.
pub async fn bind(url: &str) -> Result<RepSocket, BindFailed> {
    let mut socket = RepSocket::new();
    match socket.bind(url).await {
        Ok(_) => Ok(socket),
        Err(error) => Err(BindFailed { channel: "heartbeat", url: url.to_owned(), reason: error.to_string() }),
    }
}

/// Echoes for as long as the process lives.
pub async fn echo(mut socket: RepSocket) {
    loop {
        match socket.recv().await {
            Ok(payload) => {
                if let Err(error) = socket.send(payload).await {
                    tracing::debug!(%error, "heartbeat not answered: the peer is gone");
                }
            }
            Err(error) => {
                tracing::debug!(%error, "heartbeat not received");
                tokio::time::sleep(std::time::Duration::from_millis(RETRY_PAUSE_MS)).await;
            }
        }
    }
}
