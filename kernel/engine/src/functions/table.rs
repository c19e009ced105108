//! The SQL table functions of ours: `read_flows('PATH')`, `read_log('PATH')`, and `read_dns`, `read_tls`, `read_http`;
//! `read_source('NAME')`.
//!
//! They only read their argument here; what a path is gets decided in [`crate::files`], what a name in
//! [`crate::source`].

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, Result as DataFusionResult, ScalarValue, exec_err};
use datafusion::logical_expr::Expr;
use datafusion::prelude::SessionContext;

use super::arguments::constant_text;
use super::fault::FunctionFault;
use super::text::FunctionText;
use crate::executor;
use crate::files::remote::{QueryWatch, RemoteCause, is_address, shown_location};
use crate::files::{self, FileFault, Shape};
use crate::source::{NamedSources, NoSource};

const READ_SOURCE: &str = "read_source";

/// What is told about them.
pub(super) const FUNCTIONS: &[FunctionText] = &[
    FunctionText {
        name: "read_flows",
        syntax: "read_flows('PATH')",
        description: "The flows in a file under the common flow schema (start_time, src_ip, dst_ip, bytes, …). PATH is a \
                      file, a folder, a pattern such as 'logs/conn.*.log.gz' or an address: s3://bucket/2024/*.parquet, \
                      https://host/conn.log.gz. The format is told from the content: \
                      what one of the connectors reads, or Parquet, Arrow IPC, CSV or newline-delimited JSON whose \
                      columns have the schema's names. Columns a file lacks are NULL.",
        examples: &[],
    },
    FunctionText {
        name: "read_log",
        syntax: "read_log('PATH')",
        description: "The rows of a file with the columns it has. PATH is a file, a folder, a pattern or an address \
                      (s3://…, https://…). The format is \
                      told from the content: what one of the connectors reads, Parquet, Arrow IPC, CSV or \
                      newline-delimited JSON. All but Parquet and Arrow IPC may be packed with gzip or zstd.",
        examples: &[],
    },
    FunctionText {
        name: READ_SOURCE,
        syntax: "read_source('NAME')",
        description: "A source of flowdeck.toml by its name, which may be a parameter: read_source($source) reads what is \
                      chosen in a form. It is never a path or an address.",
        examples: &[],
    },
    super::enrich::SERVICES_FUNCTION,
    super::blocklist::BLOCKLISTS_FUNCTION,
    super::blocklist::ENTRIES_FUNCTION,
];

/// Makes the functions known to SQL.
pub(super) fn register(context: &SessionContext) {
    for (name, shape) in [
        ("read_flows", Shape::Flows),
        ("read_log", Shape::Native),
        ("read_dns", Shape::Side("dns")),
        ("read_tls", Shape::Side("tls")),
        ("read_http", Shape::Side("http")),
    ] {
        context.register_udtf(name, Arc::new(ReadFunction { name, shape }));
    }
    context.register_udtf(READ_SOURCE, Arc::new(SourceFunction));
}

/// The parameters of the running query, so that `read_log($path)` works: DataFusion plans table functions before it
/// puts values in the place of parameters.
#[derive(Debug, Default)]
pub(crate) struct QueryParameters(pub(crate) Vec<(String, ScalarValue)>);

#[derive(Debug)]
struct ReadFunction {
    name: &'static str,
    shape: Shape,
}

impl TableFunctionImpl for ReadFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> DataFusionResult<Arc<dyn TableProvider>> {
        let session = args.session();
        let parameters = session.config().get_extension::<QueryParameters>().unwrap_or_default();
        let path = self.path_of(args.exprs(), &parameters).map_err(FileFault::into_datafusion)?;
        executor::wait(files::open(session, &path, self.shape))?
    }
}

impl ReadFunction {
    fn path_of(&self, arguments: &[Expr], parameters: &QueryParameters) -> Result<String, FileFault> {
        let refused = |found: String| FileFault::Argument { function: self.name, found };
        let [argument] = arguments else {
            return Err(refused(format!("it was given {} arguments", arguments.len())));
        };
        let value = value_of(argument, parameters);
        match value.as_ref().map(ScalarValue::try_as_str) {
            // What a visitor of a page types must not make this machine ask others in its name.
            Some(Some(Some(path))) if !matches!(argument, Expr::Literal(..)) && is_address(path) => {
                Err(RemoteCause::FromParameter.at(shown_location(path)))
            }
            Some(Some(Some(path))) => Ok(path.to_string()),
            Some(_) => Err(refused(format!("it was given {argument}, which is not text"))),
            None => Err(refused(format!("it was given {argument}"))),
        }
    }
}

/// A constant, or the value of a parameter.
fn value_of(argument: &Expr, parameters: &QueryParameters) -> Option<ScalarValue> {
    match argument {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Placeholder(placeholder) => {
            let name = placeholder.id.trim_start_matches('$');
            parameters.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        }
        _ => None,
    }
}

/// `read_source`: nothing is opened that the configuration does not name.
#[derive(Debug)]
struct SourceFunction;

impl TableFunctionImpl for SourceFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> DataFusionResult<Arc<dyn TableProvider>> {
        let config = args.session().config();
        let parameters = config.get_extension::<QueryParameters>().unwrap_or_default();
        let sources = config.get_extension::<NamedSources>().unwrap_or_default();
        let [argument] = args.exprs() else {
            let (expected, given) = ("1 argument".to_owned(), args.exprs().len());
            let (function, syntax) = (READ_SOURCE, "read_source('NAME')");
            return Err(FunctionFault::ArgumentCount { function, syntax, expected, given }.into());
        };
        let refused = |found: &str, reason: String| FunctionFault::ArgumentValue {
            function: READ_SOURCE,
            argument: "NAME",
            found: crate::render::visible(found),
            reason,
        };
        let value = value_of(argument, &parameters);
        let Some(Some(name)) = value.as_ref().map(|value| constant_text(value).flatten()) else {
            return Err(refused(&argument.to_string(), "it must be the name of a source".to_owned()).into());
        };
        let watch = config.get_extension::<QueryWatch>().unwrap_or_default();
        match executor::wait(watch.unless_raised(sources.get(name, &watch)))? {
            Some(Ok(source)) => Ok(source.table),
            Some(Err(NoSource::Fault(fault))) => Err(DataFusionError::External(Box::new(fault))),
            Some(Err(NoSource::Unknown(known))) => {
                let names = known.join(", ");
                let known = if known.is_empty() { "there is none".to_owned() } else { format!("sources are {names}") };
                Err(refused(&format!("'{name}'"), format!("there is no source of this name; {known}")).into())
            }
            None => exec_err!("the query was stopped"),
        }
    }
}
