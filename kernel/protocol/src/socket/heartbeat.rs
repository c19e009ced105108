//! The heartbeat: every payload is echoed as it came.

use tokio::io::AsyncWriteExt;

use super::{
    BindFailed,
    listener::{Connection, Listener},
    zmtp::{self, Incoming, SocketType},
};

/// Jupyter sends four bytes.
const PAYLOAD_BYTES_MAX: u64 = 64 * 1024;

/// Binds the heartbeat socket and echoes for as long as the process lives.
///
/// # Errors
/// [`BindFailed`] when the address is taken or not ours.
pub async fn serve(url: &str) -> Result<(), BindFailed> {
    let listener = Listener::bind("heartbeat", url).await?;
    tokio::spawn(listener.serve(|connection| async move {
        let Err(error) = echo(connection).await;
        tracing::debug!(%error, "a heartbeat ended");
    }));
    Ok(())
}

async fn echo(mut connection: Connection) -> std::io::Result<std::convert::Infallible> {
    zmtp::handshake(&mut connection, SocketType::Reply).await?;
    loop {
        // The empty frame before a request's payload belongs to its answer too.
        if let Incoming::Message(frames) = zmtp::receive(&mut connection.reader, PAYLOAD_BYTES_MAX).await? {
            connection.writer.write_all(&zmtp::encode(&frames)).await?;
        }
    }
}
