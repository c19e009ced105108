//! A connection to a server: made, told what went wrong with it, and stopped.

use std::error::Error as StdError;
use std::time::Duration;

use flow_source::Secret;
use remote_source::error::{innermost, words};
use remote_source::source::CONNECT_TIMEOUT;
use remote_source::{Cause, RemoteError, Settings, tls};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Address;

/// For telling a server to stop.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// How connections to one server are made.
#[derive(Clone)]
pub(crate) struct Server {
    address: Address,
    tls: MakeRustlsConnect,
    secrets: Vec<Secret>,
    place: String,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&self.place).finish()
    }
}

impl Server {
    pub(crate) fn of(settings: &Settings, table: &str) -> Result<Self, RemoteError> {
        let address = Address::of(settings)?;
        let place = format!("{}, table {}", address.place, words(table, &[]));
        let ca_file = settings.ca_file.as_deref();
        let tls = tls::client_config(ca_file).map_err(|cause| RemoteError::new(&place, cause))?;
        let secrets = settings.secrets.values().cloned().collect();
        Ok(Self { address, tls: MakeRustlsConnect::new(tls), secrets, place })
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn error(&self, cause: Cause) -> RemoteError {
        RemoteError::new(&self.place, cause)
    }

    pub(crate) fn words(&self, text: &str) -> String {
        words(text, &self.secrets)
    }

    /// A connection in a transaction that may only read.
    pub(crate) async fn connect(&self) -> Result<Connection, RemoteError> {
        let connecting = self.address.config.connect(self.tls.clone());
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let late = || self.error(Cause::TimedOut { seconds: CONNECT_TIMEOUT.as_secs() });
        let (client, wire) = connected.map_err(|_| late())?.map_err(|fault| self.of_connecting(&fault))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // What ends a connection is told to who uses it.
            let _ = wire.await;
        });
        let begun = client.batch_execute("BEGIN TRANSACTION READ ONLY").await;
        begun.map_err(|fault| self.explain(&fault))?;
        let stop =
            Stop { token: client.cancel_token(), tls: self.tls.clone(), runtime: Handle::current(), is_due: true };
        Ok(Connection { client, stop, _tasks: tasks })
    }

    fn of_connecting(&self, fault: &Error) -> RemoteError {
        if fault.as_db_error().is_some() {
            return self.explain(fault);
        }
        let text = self.words(&fault.to_string());
        let reason = self.words(&innermost(fault));
        let is_timeout = text.contains("timed out") || reason.contains("timed out");
        self.error(match text {
            _ if is_timeout => Cause::TimedOut { seconds: CONNECT_TIMEOUT.as_secs() },
            text if text.contains("TLS") && self.address.config.get_ssl_mode() != SslMode::Disable => {
                Cause::Insecure { reason }
            }
            _ if reason.contains("password") => Cause::Login { words: reason },
            _ => Cause::Unreachable { reason },
        })
    }

    /// What the server's refusal means.
    pub(crate) fn explain(&self, fault: &Error) -> RemoteError {
        let Some(refusal) = fault.as_db_error() else {
            return self.error(Cause::Broken { reason: self.words(&innermost(fault as &(dyn StdError + 'static))) });
        };
        let words = self.words(refusal.message());
        let code = refusal.code();
        self.error(match code {
            _ if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                Cause::Login { words }
            }
            _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => Cause::Forbidden { words },
            _ if *code == SqlState::INVALID_CATALOG_NAME => {
                let name = self.address.config.get_dbname().unwrap_or_default().to_owned();
                Cause::NoTable { what: "database", name, known: Vec::new() }
            }
            _ if *code == SqlState::TOO_MANY_CONNECTIONS || *code == SqlState::CANNOT_CONNECT_NOW => {
                Cause::Refused { words }
            }
            _ if *code == SqlState::QUERY_CANCELED || *code == SqlState::ADMIN_SHUTDOWN => {
                Cause::Broken { reason: words }
            }
            _ => Cause::Refused { words },
        })
    }
}

/// A connection. When it goes, the server is told to stop what it still does for it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    stop: Stop,
    /// Ends with this; otherwise rows that nobody wants would be read to the end.
    _tasks: JoinSet<()>,
}

impl Connection {
    /// Says that the server has nothing more to do.
    pub(crate) fn is_done(&mut self) {
        self.stop.is_due = false;
    }
}

struct Stop {
    token: CancelToken,
    tls: MakeRustlsConnect,
    runtime: Handle,
    is_due: bool,
}

impl Drop for Stop {
    fn drop(&mut self) {
        if self.is_due {
            let (token, tls) = (self.token.clone(), self.tls.clone());
            self.runtime.spawn(async move { tokio::time::timeout(CANCEL_TIMEOUT, token.cancel_query(tls)).await });
        }
    }
}
