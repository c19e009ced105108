//! A table of a server as a source: one query, row by row.

use async_trait::async_trait;
use chrono_tz::Tz;
use futures::TryStreamExt;
use remote_source::source::ANSWER_TIMEOUT;
use remote_source::{
    Cause, Cell, Next, Predicate, RemoteError, RemoteSource, Request, Settings, Sink, SourceColumn, Support, sql,
};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::columns::{Columns, Mapped, quoted_table};
use crate::condition::{condition, support};
use crate::connection::Server;
use crate::value::Raw;
use crate::{NAME, TABLE};

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    server: Server,
    table: String,
    columns: Columns,
}

impl Table {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, RemoteError> {
        let Some(table) = settings.option(TABLE) else {
            let server = Server::of(settings, "?")?;
            let hint = "Write table = \"flows\", or \"schema.flows\"".to_owned();
            return Err(server.error(Cause::Setting { fact: "it is not said which table".into(), hint }));
        };
        let server = Server::of(settings, table)?;
        let mut connection = server.connect().await?;
        let columns = Columns::learn(&server, &connection, table, settings).await?;
        connection.is_done();
        Ok(Self { server, table: table.to_owned(), columns })
    }

    fn query(&self, request: &Request) -> (String, Vec<String>) {
        let wanted: Vec<&str> = self.mapped(request).map(|mapped| mapped.value.as_str()).collect();
        let wanted = if wanted.is_empty() { "NULL".to_owned() } else { wanted.join(", ") };
        let mut query = format!("SELECT {wanted} FROM {}", quoted_table(&self.table));
        let (condition, texts) = condition(&self.columns, &request.predicate);
        if condition != sql::ALWAYS {
            query.push_str(&format!(" WHERE {condition}"));
        }
        query.extend(request.limit.map(|limit| format!(" LIMIT {limit}")));
        (query, texts)
    }

    fn mapped<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a Mapped> {
        request.columns.iter().filter_map(|name| self.columns.mapped.get(name))
    }
}

#[async_trait]
impl RemoteSource for Table {
    fn name(&self) -> &'static str {
        NAME
    }

    fn place(&self) -> &str {
        self.server.place()
    }

    fn columns(&self) -> &[SourceColumn] {
        &self.columns.columns
    }

    fn zone(&self) -> Tz {
        self.columns.zone
    }

    fn support(&self, condition: &Predicate) -> Support {
        support(&self.columns, condition)
    }

    async fn read(&self, request: &Request, sink: &mut Sink) -> Result<(), RemoteError> {
        let (query, texts) = self.query(request);
        let mapped: Vec<&Mapped> = self.mapped(request).collect();
        let mut connection = self.server.connect().await?;
        let explain = |fault| self.server.explain(&fault);
        let statement = connection.client.prepare(&query).await.map_err(explain)?;
        let parameters = texts.iter().map(|text| text as &(dyn ToSql + Sync));
        let rows = self.in_time(connection.client.query_raw(&statement, parameters)).await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = self.in_time(rows.as_mut().try_next()).await? {
            if self.give(&row, &mapped, sink).await? == Next::Stop {
                break;
            }
        }
        // With all that was asked for, the server has ended too.
        if sink.left() == 0 || rows.rows_affected().is_some() {
            connection.is_done();
        }
        Ok(())
    }
}

impl Table {
    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, RemoteError> {
        let late = |_| self.server.error(Cause::TimedOut { seconds: ANSWER_TIMEOUT.as_secs() });
        timeout(ANSWER_TIMEOUT, asked).await.map_err(late)?.map_err(|fault| self.server.explain(&fault))
    }

    async fn give(&self, row: &Row, mapped: &[&Mapped], sink: &mut Sink) -> Result<Next, RemoteError> {
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(mapped.len());
        for (at, mapped) in mapped.iter().enumerate() {
            let raw: Option<Raw<'_>> = row.try_get(at).map_err(|fault| self.server.explain(&fault))?;
            cells.push(mapped.format.cell(raw.as_ref()));
        }
        sink.count_bytes(row.raw_size_bytes());
        sink.push(&cells).await
    }
}
