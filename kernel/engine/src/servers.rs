//! Sources at servers: what is set about them, handed to their connector, and the table of what it opened.
//!
//! Which servers there are is the registry's business, how they are asked that of `remote_source`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result as DataFusionResult};
use flow_source::Secret;
use remote_source::source::OPEN_TIMEOUT;
use remote_source::{Cause, Origin, RemoteConnector, RemoteError, RemoteTable, Settings, TimeUnit as RemoteUnit};

use crate::clock::CorrectedTable;
use crate::connectors;
use crate::engine::SourceKind;
use crate::files::Opened;
use crate::files::remote::shown_location;
use crate::functions;
use crate::source::{ColumnOrigin, SourceSettings, TimeUnit};

const ZONE_COUNTS: &str = "ignore_zone has no effect: it is for files, and what a server says of its times counts";

/// What is set about a source at a server beside what all sources have.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// What its connector asks for, such as `table`.
    pub options: BTreeMap<String, String>,
    /// Who asks.
    pub user: Option<String>,
    /// Passwords and tokens, by the names that the connector gives them.
    pub secrets: BTreeMap<String, Secret>,
    /// Certificates of authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// What a connector of a server wants to be told.
#[derive(Debug, Clone, Copy)]
pub struct ServerNeeds {
    /// Its name.
    pub connector: &'static str,
    /// Names of [`ServerSettings::options`].
    pub options: &'static [&'static str],
    /// Names of [`ServerSettings::secrets`].
    pub secrets: &'static [&'static str],
}

/// What a source with this connector or location wants to be told; `None` when it is none at a server.
pub fn server_needs(connector: Option<&str>, location: &str) -> Option<ServerNeeds> {
    let found = find(connector, location)?;
    Some(ServerNeeds { connector: found.name(), options: found.options(), secrets: found.secrets() })
}

/// The connector of that name, or the one whose own scheme the location has.
pub(crate) fn find(connector: Option<&str>, location: &str) -> Option<&'static dyn RemoteConnector> {
    if let Some(name) = connector {
        return connectors::server_named(name);
    }
    let (scheme, _) = location.split_once("://")?;
    connectors::servers().find(|connector| connector.schemes().iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// Asks the server what it has, and makes it a table.
pub(crate) async fn open(
    connector: &dyn RemoteConnector,
    location: &str,
    settings: &SourceSettings,
) -> DataFusionResult<Opened> {
    let place = shown_location(location);
    if settings.kind == SourceKind::Log {
        let cause = Cause::Setting {
            fact: "schema = \"native\" is for files: of servers the columns of flows are read".into(),
            hint: "Remove `schema`, and say in `columns` which columns become which of flows".into(),
        };
        return Err(RemoteError::new(&place, cause).into());
    }
    let late = |_| RemoteError::new(&place, Cause::TimedOut { seconds: OPEN_TIMEOUT.as_secs() });
    let opening = connector.open(handed_over(location, settings));
    let source = tokio::time::timeout(OPEN_TIMEOUT, opening).await.map_err(late)?;
    let source = source.map_err(DataFusionError::from)?;
    let channels = Some(source.channels().to_vec());
    let table = RemoteTable::new(source, functions::ranges_of, settings.strict);
    Ok(Opened {
        table: CorrectedTable::over(Arc::new(table), settings.clock_offset),
        format: connector.kind(),
        files: 0,
        bytes: 0,
        modified: None,
        remarks: if settings.ignore_zone { vec![ZONE_COUNTS.to_owned()] } else { Vec::new() },
        channels,
    })
}

fn handed_over(location: &str, settings: &SourceSettings) -> Settings {
    let ServerSettings { options, user, secrets, ca_file } = settings.server.clone();
    let columns = settings.columns.iter().map(|(column, origin)| (column.clone(), translated(origin)));
    Settings {
        location: location.to_owned(),
        options,
        user,
        secrets,
        ca_file,
        allow_http: settings.access.allow_http,
        columns: columns.collect(),
        zone: settings.time_zone.unwrap_or(chrono_tz::Tz::UTC),
        is_strict: settings.strict,
    }
}

fn translated(origin: &ColumnOrigin) -> Origin {
    match origin {
        ColumnOrigin::Sql(sql) => Origin::Expression(sql.clone()),
        ColumnOrigin::Column { name, unit } => Origin::Column {
            name: name.clone(),
            unit: unit.map(|unit| match unit {
                TimeUnit::Seconds => RemoteUnit::Seconds,
                TimeUnit::Milliseconds => RemoteUnit::Milliseconds,
                TimeUnit::Microseconds => RemoteUnit::Microseconds,
                TimeUnit::Nanoseconds => RemoteUnit::Nanoseconds,
            }),
        },
    }
}
