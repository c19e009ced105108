//! A table of a server as a source: one query, in the best format that the server writes.

use std::borrow::Cow;

use async_trait::async_trait;
use chrono_tz::Tz;
use futures::StreamExt;
use remote_source::lines::Lines;
use remote_source::{
    Cause, Cell, Next, Predicate, RemoteError, RemoteSource, Request, Settings, Sink, SourceColumn, Support, sql,
};

use crate::arrow_stream::{Decoder, cell, plain};
use crate::columns::{Columns, Mapped, quoted_table};
use crate::condition::{condition, support};
use crate::kinds::Kind;
use crate::server::Server;
use crate::{NAME, TABLE, tab_separated};

/// What each line of text ends with, so that what was cut off or is an exception is none.
const LAST: &str = ".";

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    server: Server,
    table: String,
    columns: Columns,
    zone: Tz,
    knows_arrow: bool,
}

impl Table {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, RemoteError> {
        let server = Server::of(settings)?;
        let Some(table) = settings.option(TABLE) else {
            let hint = "Write table = \"flows\", or \"database.flows\"".to_owned();
            return Err(server.error(Cause::Setting { fact: "it is not said which table".into(), hint }));
        };
        let server = server.at(&format!("table {}", server.http().words(table)));
        let columns = Columns::learn(&server, table, settings).await?;
        let knows_arrow = match server.ask("SELECT 1 AS one FORMAT ArrowStream").await {
            Ok((_, mut stop)) => {
                stop.is_done();
                true
            }
            Err(RemoteError { cause: Cause::Refused { .. }, .. }) => false,
            Err(fault) => return Err(fault),
        };
        Ok(Self { server, table: table.to_owned(), columns, zone: settings.zone, knows_arrow })
    }

    fn mapped<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a Mapped> {
        request.columns.iter().filter_map(|name| self.columns.mapped.get(name))
    }

    fn query(&self, request: &Request) -> String {
        let selected = self.mapped(request).map(|mapped| {
            let value = mapped.kind.selected(&mapped.value);
            // Arrow's texts must be text, or nothing of the answer can be read.
            let is_text = self.knows_arrow && matches!(mapped.kind, Kind::Text | Kind::AsText);
            if is_text { format!("toValidUTF8({value})") } else { value }
        });
        let selected = selected.chain([format!("'{LAST}'")]).enumerate();
        let wanted: Vec<String> = selected.map(|(at, value)| format!("{value} AS flowdeck_{at}")).collect();
        let mut query = format!("SELECT {} FROM {}", wanted.join(", "), quoted_table(&self.table));
        let condition = condition(&self.columns, &request.predicate);
        if condition != sql::ALWAYS {
            query.push_str(&format!(" WHERE {condition}"));
        }
        query.extend(request.limit.map(|limit| format!(" LIMIT {limit}")));
        query.push_str(if self.knows_arrow { " FORMAT ArrowStream" } else { " FORMAT TabSeparated" });
        query
    }
}

#[async_trait]
impl RemoteSource for Table {
    fn name(&self) -> &'static str {
        NAME
    }

    fn place(&self) -> &str {
        self.server.http().place()
    }

    fn columns(&self) -> &[SourceColumn] {
        &self.columns.columns
    }

    fn zone(&self) -> Tz {
        self.zone
    }

    fn support(&self, condition: &Predicate) -> Support {
        support(&self.columns, condition)
    }

    async fn read(&self, request: &Request, sink: &mut Sink) -> Result<(), RemoteError> {
        let kinds: Vec<Kind> = self.mapped(request).map(|mapped| mapped.kind).collect();
        let (response, mut stop) = self.server.ask(&self.query(request)).await?;
        let next = match self.knows_arrow {
            true => self.read_arrow(response, &kinds, sink).await?,
            false => self.read_text(response, &kinds, sink).await?,
        };
        // With all that was asked for, the server has ended too.
        if next == Next::Continue || sink.left() == 0 {
            stop.is_done();
        }
        Ok(())
    }
}

/// Whether what is asked for of a kind arrives as bytes that are an address.
fn is_bytes(kind: Kind) -> bool {
    matches!(kind, Kind::Ipv6 | Kind::Fixed16)
}

/// Of 16 bytes in a fixed string the first four, where the others are zeros: that is how IPv4 is written there.
fn shortened(cell: Cell<'_>, kind: Kind) -> Cell<'_> {
    match cell {
        Cell::Bytes(bytes) if kind == Kind::Fixed16 => match bytes.split_first_chunk::<4>() {
            Some((address, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])) => Cell::Bytes(address),
            _ => cell,
        },
        _ => cell,
    }
}

impl Table {
    async fn read_arrow(
        &self,
        response: reqwest::Response,
        kinds: &[Kind],
        sink: &mut Sink,
    ) -> Result<Next, RemoteError> {
        let server = &self.server;
        let mut pieces = server.http().pieces(response);
        let mut decoder = Decoder::new();
        let odd = |reason: &str| RemoteError::malformed(server.http().place(), reason);
        while let Some(piece) = pieces.next().await.transpose()? {
            sink.count_bytes(piece.len());
            decoder.feed(piece, server)?;
            while let Some(batch) = decoder.next(server)? {
                let columns = plain(&batch).map_err(|fault| odd(&fault.to_string()))?;
                if columns.len() != kinds.len() + 1 {
                    return Err(odd("it has other columns than were asked for"));
                }
                for row in 0..batch.num_rows() {
                    let cells = columns.iter().zip(kinds);
                    let cells: Vec<Cell<'_>> = cells
                        .map(|(column, kind)| shortened(cell(column.as_ref(), row, is_bytes(*kind)), *kind))
                        .collect();
                    if sink.push(&cells).await? == Next::Stop {
                        return Ok(Next::Stop);
                    }
                }
            }
        }
        decoder.finish(server)?;
        Ok(Next::Continue)
    }

    async fn read_text(
        &self,
        response: reqwest::Response,
        kinds: &[Kind],
        sink: &mut Sink,
    ) -> Result<Next, RemoteError> {
        let mut lines = Lines::new(self.server.http(), response);
        while let Some(line) = lines.next(sink).await? {
            let values: Vec<Option<Cow<'_, [u8]>>> = tab_separated::parts(line).map(tab_separated::value).collect();
            let is_whole = values.last().is_some_and(|last| last.as_deref() == Some(LAST.as_bytes()));
            if values.len() != kinds.len() + 1 || !is_whole {
                let text = String::from_utf8_lossy(line);
                let odd = || RemoteError::malformed(self.server.http().place(), "a line has not the parts asked for");
                return Err(self.server.broken_off(&text).unwrap_or_else(odd));
            }
            let cells: Vec<Cell<'_>> = values
                .iter()
                .zip(kinds)
                .map(|(value, kind)| shortened(tab_separated::cell(value.as_deref(), *kind == Kind::Fixed16), *kind))
                .collect();
            if sink.push(&cells).await? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::Continue)
    }
}
