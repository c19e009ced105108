//! Lookups at services as SQL functions: one struct a row, with the status first. What is asked, kept and never sent is
//! [`enrichment`]'s business.
//!
//! They are asynchronous and volatile: DataFusion calls them where the query runs, never while it plans, and never more
//! often than they are written.

use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, FieldRef};
use async_trait::async_trait;
use datafusion::common::{Result as DataFusionResult, internal_err};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use enrichment::{Desk, Lookup, Mode, Settings, SettingsError};

use super::arguments::{Argument, Kind, checked_types, converted, optional, required};
use super::fault::FunctionFault;
use super::scalar::any_arguments;
use super::setup::Setup;
use super::text::FunctionText;
use crate::connectors::SERVICES;

mod answers;
mod place;
mod query_lookups;
mod services;

pub(crate) use place::check_lookups;
pub(crate) use query_lookups::QueryLookups;
pub(super) use services::{SERVICES_FUNCTION, ServicesFunction};

/// Where lookups go, as the engine was told.
#[derive(Debug, Clone)]
pub struct EnrichmentOptions {
    /// The services, and what never leaves.
    pub settings: Settings,
    /// The folder of the configuration: its relative files are seen from there.
    pub config_folder: PathBuf,
    /// Where kernels share answers and quotas.
    pub shared_folder: PathBuf,
}

/// The desk of one engine, or why it has none.
#[derive(Debug)]
pub(super) enum Lookups {
    /// The engine was made without.
    Absent,
    /// The settings cannot be used. That costs lookups alone.
    Unusable(SettingsError),
    Ready(Box<Desk>),
}

impl Lookups {
    pub(super) fn new(options: Option<EnrichmentOptions>) -> Lookups {
        let Some(EnrichmentOptions { settings, config_folder, shared_folder }) = options else {
            return Lookups::Absent;
        };
        match Desk::new(SERVICES, &settings, &config_folder, &shared_folder) {
            Ok(desk) => Lookups::Ready(Box::new(desk)),
            Err(fault) => Lookups::Unusable(fault),
        }
    }

    fn desk(&self, function: &'static str) -> Result<&Desk, FunctionFault> {
        match self {
            Lookups::Ready(desk) => Ok(desk),
            Lookups::Unusable(fault) => Err(FunctionFault::Lookup { function, fault: fault.clone().into() }),
            Lookups::Absent => Err(FunctionFault::NoFile {
                function,
                what: "folder for answers",
                hint: "This engine was started without lookups at services",
            }),
        }
    }
}

/// A lookup as SQL knows it.
#[derive(Debug)]
pub(super) struct LookupFunction {
    pub(super) text: FunctionText,
    lookup: &'static Lookup,
    arguments: [Argument; 2],
}

/// All lookups of all services.
pub(super) fn functions() -> &'static [LookupFunction] {
    static ALL: LazyLock<Vec<LookupFunction>> = LazyLock::new(|| {
        let of_service = |service: &&'static enrichment::Service| service.lookups.iter().map(described);
        SERVICES.iter().flat_map(of_service).collect()
    });
    &ALL
}

fn described(lookup: &'static Lookup) -> LookupFunction {
    let fields: Vec<&str> = lookup.fields.iter().map(|field| field.name).collect();
    let description = format!(
        "{} Gives one value with the parts status (found, not found, not asked, error), reason, asked_at, from_cache, {}; \
         write {}(…)['status']. Private and internal values are never sent; answers are kept on disk. mode is 'ask' (the \
         default) or 'cached', which asks nobody. docs/enrichment.md tells more.",
        lookup.description,
        fields.join(", "),
        lookup.function,
    );
    let value = match lookup.kind {
        enrichment::Kind::Ip => Kind::Address,
        _ => Kind::Text,
    };
    let text = FunctionText {
        name: lookup.function,
        // Once for the life of the process.
        syntax: String::leak(format!("{}({} [, mode])", lookup.function, lookup.kind.argument())),
        description: String::leak(description),
        examples: &[],
    };
    LookupFunction { text, lookup, arguments: [required(lookup.kind.argument(), value), optional("mode", Kind::Text)] }
}

/// What DataFusion calls.
struct Adapter {
    function: &'static LookupFunction,
    setup: Arc<Setup>,
    signature: Signature,
}

impl LookupFunction {
    pub(super) fn to_udf(&'static self, setup: &Arc<Setup>) -> ScalarUDF {
        let signature = Signature { volatility: Volatility::Volatile, ..any_arguments() };
        let adapter = Adapter { function: self, setup: Arc::clone(setup), signature };
        AsyncScalarUDF::new(Arc::new(adapter)).into_scalar_udf()
    }
}

impl ScalarUDFImpl for Adapter {
    fn name(&self) -> &str {
        self.function.text.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        let given: Vec<&DataType> = types.iter().collect();
        checked_types(&self.function.text, &self.function.arguments, &given)?;
        Ok(answers::data_type(self.function.lookup))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, true)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        internal_err!("{} was called as if it were synchronous", self.name())
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Adapter {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let (row_count, options) = (args.number_rows, args.config_options);
        let mut given = args.args.into_iter();
        let Some(values) = given.next() else { return internal_err!("{} was called without a value", self.name()) };
        let values = converted(values, &DataType::Utf8View)?;
        let mode = self.mode(given.next())?;
        let session = options.extensions.get::<QueryLookups>().cloned().unwrap_or_default();
        // A constant is one text, which stands for all rows.
        let texts: Vec<Option<&str>> = values.as_string_view().iter().take(row_count).collect();
        let (lookup, function) = (self.function.lookup, self.function.text.name);
        let desk = self.setup.lookups.desk(function)?;
        let found = desk.look_up(lookup, &texts, mode, &session.0).await;
        let found = found.map_err(|fault| FunctionFault::Lookup { function, fault })?;
        let rows = (0..row_count).map(|row| found.get(if found.len() == 1 { 0 } else { row }).and_then(Option::as_ref));
        Ok(ColumnarValue::Array(answers::column(lookup, rows)?))
    }
}

impl Adapter {
    fn mode(&self, given: Option<ColumnarValue>) -> DataFusionResult<Mode> {
        let Some(given) = given else { return Ok(Mode::Ask) };
        let texts = converted(given, &DataType::Utf8View)?;
        let mut all: Vec<Option<&str>> = texts.as_string_view().iter().collect();
        all.dedup();
        match all.as_slice() {
            [Some("ask")] | [] => Ok(Mode::Ask),
            [Some("cached")] => Ok(Mode::Kept),
            others => {
                let found = others.first().copied().flatten().unwrap_or("NULL");
                let (function, found) = (self.function.text.name, format!("'{}'", crate::render::visible(found)));
                let reason = "it must be 'ask' or 'cached'".to_owned();
                Err(FunctionFault::ArgumentValue { function, argument: "mode", found, reason }.into())
            }
        }
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LookupFunction").field(&self.function.text.name).finish()
    }
}

impl PartialEq for Adapter {
    fn eq(&self, other: &Adapter) -> bool {
        self.function.text.name == other.function.text.name
    }
}

impl Eq for Adapter {}

impl Hash for Adapter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.text.name.hash(state);
    }
}
