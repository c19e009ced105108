//! One expression in terms of bytes: what meets an address becomes an address, a range or text.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result as DataFusionResult, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{
    AggregateFunction, Alias, Between, Case, Cast, InList, InSubquery, Like, ScalarFunction, SetComparison, TryCast,
    WindowFunction, WindowFunctionDefinition,
};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlanBuilder, Operator, ScalarUDF, Subquery, lit,
};
use flow_source::is_ip_field;

use super::range::{self, Network, RANGES_WORDED_MAX, binary};
use super::text_functions::{KEEP_ADDRESSES, without_wrapper, without_wrapper_of_aggregate};
use super::{constant, deferred, may_be_address};
use crate::column_map::MUST_BE_READABLE;
use crate::functions::ip_list::parse_ip_list;
use crate::functions::{self, FunctionFault, constant_text};

/// Aggregates that collect what they are given in lists or text.
const COLLECTING: &[&str] = &["array_agg", "string_agg"];
/// Aggregates and window functions whose value is one of those given.
const CHOOSING: &[&str] = &["min", "max", "first_value", "last_value", "nth_value", "lag", "lead"];
/// Functions that look at a value as it is stored.
const OF_ANY_VALUE: &[&str] = &["arrow_typeof", "arrow_field", "arrow_metadata", "encode", "is_null", MUST_BE_READABLE];
const LIST_MEMBERSHIP: &str = "array_has";
const IP_IN: &str = "ip_in";

/// The functions that expressions are written with.
#[derive(Debug)]
pub(crate) struct IpFunctions {
    pub(crate) to_ip: Arc<ScalarUDF>,
    pub(crate) cast_to_ip: Arc<ScalarUDF>,
    pub(crate) ip_text: Arc<ScalarUDF>,
    pub(crate) ip_in: Arc<ScalarUDF>,
}

impl IpFunctions {
    pub(crate) fn text_of(&self, address: Expr) -> Expr {
        call(&self.ip_text, vec![address])
    }

    fn address_of(&self, text: Expr) -> Expr {
        call(&self.to_ip, vec![text])
    }

    /// `expr` with all of it resolved. Gives [`Transformed::no`] where nothing was about addresses.
    pub(crate) fn resolve(&self, expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
        expr.transform_up(|expr| Resolver { functions: self, schema }.node(expr))
    }

    /// `value` as an address; text is read, anything else is left to DataFusion.
    pub(super) fn united(&self, value: Expr, schema: &DFSchema) -> Expr {
        if is_text(&value, schema) { self.address_of(value) } else { value }
    }
}

fn call(function: &Arc<ScalarUDF>, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), arguments))
}

/// Whether the value of an expression, whose parts are resolved, is an address.
pub(super) fn is_address(expr: &Expr, schema: &DFSchema) -> bool {
    let any = |exprs: &[Expr]| exprs.iter().any(|expr| is_address(expr, schema));
    match expr {
        Expr::Column(column) => schema.field_from_column(column).is_ok_and(|field| is_ip_field(field)),
        Expr::OuterReferenceColumn(field, _) => is_ip_field(field),
        Expr::Alias(Alias { expr: inner, .. }) if is_address(inner, schema) => true,
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            let results = when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(else_expr.as_deref());
            results.into_iter().any(|result| is_address(result, schema))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if KEEP_ADDRESSES.contains(&func.name()) => any(args),
        Expr::AggregateFunction(AggregateFunction { func, params }) if CHOOSING.contains(&func.name()) => {
            params.args.first().is_some_and(|value| is_address(value, schema))
        }
        Expr::WindowFunction(window) if CHOOSING.contains(&window.fun.name()) => {
            window.params.args.first().is_some_and(|value| is_address(value, schema))
        }
        other => other.to_field(schema).is_ok_and(|(_, field)| is_ip_field(&field)),
    }
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    let text = |found: &DataType| found.is_string();
    expr.get_type(schema).is_ok_and(|found| match &found {
        DataType::Dictionary(_, values) => text(values),
        found => text(found),
    })
}

/// The text of a constant; the inner `None` is NULL.
fn text_constant(expr: &Expr) -> Option<Option<&str>> {
    match expr {
        Expr::Literal(value, _) => constant_text(value),
        Expr::Alias(Alias { expr, .. }) => text_constant(expr),
        _ => None,
    }
}

fn is_null_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

struct Resolver<'a> {
    functions: &'a IpFunctions,
    schema: &'a DFSchema,
}

impl Resolver<'_> {
    fn node(&self, expr: Expr) -> DataFusionResult<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.operation(*left, op, *right),
            Expr::Between(between) if self.is_any_address([&between.expr, &between.low, &between.high]) => {
                self.between(between).map(Transformed::yes)
            }
            Expr::InList(list) if self.is_address(&list.expr) => self.in_list(list).map(Transformed::yes),
            Expr::InList(list) if list.list.iter().any(|item| self.is_address(item)) => {
                let expr = Box::new(self.functions.united(*list.expr, self.schema));
                Ok(Transformed::yes(Expr::InList(InList { expr, ..list })))
            }
            Expr::Like(like) if self.is_any_address([&like.expr, &like.pattern]) => {
                Ok(Transformed::yes(Expr::Like(self.like(like))))
            }
            Expr::SimilarTo(like) if self.is_any_address([&like.expr, &like.pattern]) => {
                Ok(Transformed::yes(Expr::SimilarTo(self.like(like))))
            }
            Expr::Case(case) => self.case(case),
            Expr::Cast(Cast { expr, field }) => Ok(self.cast(*expr, &field, true)),
            Expr::TryCast(TryCast { expr, field }) => Ok(self.cast(*expr, &field, false)),
            Expr::ScalarFunction(function) => self.function(function),
            Expr::AggregateFunction(function) => Ok(self.aggregate(function)),
            Expr::WindowFunction(function) => Ok(self.window(*function)),
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let (expr, subquery, changed) = self.with_subquery(*expr, subquery)?;
                let expr = Expr::InSubquery(InSubquery { expr: Box::new(expr), subquery, negated });
                Ok(Transformed::new_transformed(expr, changed))
            }
            Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                let (expr, subquery, changed) = self.with_subquery(*expr, subquery)?;
                let expr = Expr::SetComparison(SetComparison { expr: Box::new(expr), subquery, op, quantifier });
                Ok(Transformed::new_transformed(expr, changed))
            }
            other => Ok(Transformed::no(other)),
        }
    }

    fn is_address(&self, expr: &Expr) -> bool {
        is_address(expr, self.schema)
    }

    fn is_any_address<const N: usize>(&self, exprs: [&Expr; N]) -> bool {
        exprs.into_iter().any(|expr| self.is_address(expr))
    }

    fn text(&self, value: Expr) -> Expr {
        if self.is_address(&value) { self.functions.text_of(value) } else { value }
    }

    fn texts(&self, values: Vec<Expr>) -> Vec<Expr> {
        values.into_iter().map(|value| self.text(value)).collect()
    }

    fn operation(&self, left: Expr, operator: Operator, right: Expr) -> DataFusionResult<Transformed<Expr>> {
        let sides = (self.is_address(&left), self.is_address(&right));
        let is_on_text = operator == Operator::StringConcat || is_match(operator);
        if is_on_text && sides != (false, false) {
            return Ok(Transformed::yes(binary(self.text(left), operator, self.text(right))));
        }
        if operator.supports_propagation() && sides.0 != sides.1 {
            return self.comparison(left, operator, right).map(Transformed::yes);
        }
        Ok(Transformed::no(binary(left, operator, right)))
    }

    /// `left operator right` where at most one side is known to be an address.
    fn comparison(&self, left: Expr, operator: Operator, right: Expr) -> DataFusionResult<Expr> {
        let (address, operator, other) = match (self.is_address(&left), self.is_address(&right)) {
            (true, false) => (left, operator, right),
            (false, true) => (right, operator.swap().unwrap_or(operator), left),
            _ => return Ok(binary(left, operator, right)),
        };
        if let Some(text) = text_constant(&other) {
            let Some(text) = text else { return Ok(binary(address, operator, constant(None))) };
            let network = Network::of_text(text)?;
            let compared = network.compared(address.clone(), operator);
            return Ok(compared.unwrap_or_else(|| binary(address, operator, other)));
        }
        if is_text(&other, self.schema) {
            return Ok(binary(address, operator, self.functions.address_of(other)));
        }
        match other.get_type(self.schema) {
            Ok(found) if !found.is_null() && !may_be_address(&found) && !found.is_binary() => {
                let found = format!("a value of type {}", crate::engine::type_text(&found));
                Err(FunctionFault::Comparison { found, reason: "it is neither an address nor text".into() }.into())
            }
            _ => Ok(binary(address, operator, other)),
        }
    }

    fn between(&self, Between { expr, negated, low, high }: Between) -> DataFusionResult<Expr> {
        let from = self.comparison(expr.as_ref().clone(), Operator::GtEq, *low)?;
        let to = self.comparison(*expr, Operator::LtEq, *high)?;
        let within = from.and(to);
        Ok(if negated { !within } else { within })
    }

    /// `address IN (…)`: constants become ranges, texts of rows are read.
    fn in_list(&self, InList { expr, list, negated }: InList) -> DataFusionResult<Expr> {
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for item in list {
            match text_constant(&item) {
                Some(Some(text)) => texts.push(text.to_string()),
                Some(None) => others.push(constant(None)),
                None => others.push(self.functions.united(item, self.schema)),
            }
        }
        let mut conditions: Vec<Expr> = self.one_of(&expr, &texts)?.into_iter().collect();
        if !others.is_empty() {
            conditions.push(Expr::InList(InList::new(expr.clone(), others, false)));
        }
        let any = conditions.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false));
        // A search in a list knows no NULL.
        Ok(if negated { expr.is_not_null().and(!any) } else { any })
    }

    /// Whether an address is or lies in one of `texts`; `None` when there are none.
    fn one_of(&self, address: &Expr, texts: &[String]) -> DataFusionResult<Option<Expr>> {
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(texts.len());
        for text in texts {
            ranges.extend(Network::of_text(text)?.ranges());
        }
        ranges.sort_unstable();
        ranges.dedup();
        if spans(&ranges) <= RANGES_WORDED_MAX {
            return Ok((!ranges.is_empty()).then(|| range::lies_in(address, &ranges)));
        }
        self.searched(address, &ranges, &texts.join(",")).map(Some)
    }

    /// A search in a long list, in front of it what statistics of files can use.
    fn searched(&self, address: &Expr, ranges: &[(u128, u128)], list: &str) -> DataFusionResult<Expr> {
        let search = functions::prepared(&self.functions.ip_in, vec![address.clone(), lit(list)])?;
        Ok(range::envelope(address, ranges).into_iter().chain([search]).reduce(Expr::and).unwrap_or_else(|| lit(false)))
    }

    /// `ip_in(address, 'list')` of a constant list. NULL lies in no list.
    fn ip_in(&self, function: ScalarFunction) -> DataFusionResult<Transformed<Expr>> {
        let constant = match function.args.as_slice() {
            [address, list] if self.is_address(address) && !functions::is_prepared(&function.func) => {
                text_constant(list).map(|text| (address, text.unwrap_or_default()))
            }
            _ => None,
        };
        let Some((address, text)) = constant else { return Ok(Transformed::no(Expr::ScalarFunction(function))) };
        let list = parse_ip_list(text).map_err(|fault| FunctionFault::IpList { function: IP_IN, fault })?;
        if list.is_empty() {
            return Ok(Transformed::yes(lit(true)));
        }
        let ranges = list.ranges();
        let found = match spans(&ranges) <= RANGES_WORDED_MAX {
            true => range::lies_in(address, &ranges),
            false => self.searched(address, &ranges, text)?,
        };
        Ok(Transformed::yes(address.clone().is_not_null().and(found)))
    }

    fn like(&self, like: Like) -> Like {
        let text = |side: Box<Expr>| Box::new(self.text(*side));
        Like { expr: text(like.expr), pattern: text(like.pattern), ..like }
    }

    fn case(&self, Case { expr, when_then_expr, else_expr }: Case) -> DataFusionResult<Transformed<Expr>> {
        let whens = || when_then_expr.iter().map(|(when, _)| when.as_ref());
        let compares = expr.as_ref().is_some_and(|value| whens().chain([value.as_ref()]).any(|it| self.is_address(it)));
        let (whens, thens): (Vec<Expr>, Vec<Expr>) =
            when_then_expr.into_iter().map(|(when, then)| (*when, *then)).unzip();
        let (expr, whens) = match expr {
            Some(value) if compares => {
                let compared = |when| self.comparison(value.as_ref().clone(), Operator::Eq, when);
                (None, whens.into_iter().map(compared).collect::<DataFusionResult<Vec<Expr>>>()?)
            }
            expr => (expr, whens),
        };
        let has_else = else_expr.is_some();
        let results = thens.into_iter().chain(else_expr.map(|value| *value)).collect();
        let Transformed { data: mut results, transformed, .. } = self.unite(results);
        let else_expr = has_else.then(|| results.pop()).flatten().map(Box::new);
        let when_then_expr =
            whens.into_iter().zip(results).map(|(when, then)| (Box::new(when), Box::new(then))).collect();
        let case = Expr::Case(Case { expr, when_then_expr, else_expr });
        Ok(Transformed::new_transformed(case, transformed || compares))
    }

    /// Values of which one is taken: addresses, when the others are or can be read as such, else text.
    pub(super) fn unite(&self, values: Vec<Expr>) -> Transformed<Vec<Expr>> {
        let count = values.iter().filter(|value| self.is_address(value)).count();
        if count == 0 || count == values.len() {
            return Transformed::no(values);
        }
        let read = |value: &Expr| match text_constant(value) {
            _ if self.is_address(value) => Some(value.clone()),
            Some(Some(text)) => Network::of_text(text).ok()?.single().map(|number| constant(Some(number))),
            _ => is_null_constant(value).then(|| constant(None)),
        };
        let addresses: Option<Vec<Expr>> = values.iter().map(read).collect();
        Transformed::yes(addresses.unwrap_or_else(|| self.texts(values)))
    }

    fn cast(&self, expr: Expr, field: &Arc<Field>, is_strict: bool) -> Transformed<Expr> {
        let cast_again = |expr: Expr| match is_strict {
            true => Expr::Cast(Cast::new_from_field(Box::new(expr), Arc::clone(field))),
            false => Expr::TryCast(TryCast::new_from_field(Box::new(expr), Arc::clone(field))),
        };
        if self.is_address(&expr) {
            return match field.data_type() {
                DataType::Utf8View => Transformed::yes(self.functions.text_of(expr)),
                found if found.is_string() => Transformed::yes(cast_again(self.functions.text_of(expr))),
                _ if is_ip_field(field) => Transformed::yes(expr),
                _ => Transformed::no(cast_again(expr)),
            };
        }
        if is_ip_field(field) && is_text(&expr, self.schema) {
            let function = if is_strict { &self.functions.cast_to_ip } else { &self.functions.to_ip };
            return Transformed::yes(call(function, vec![expr]));
        }
        if is_ip_field(field) && is_null_constant(&expr) {
            return Transformed::yes(constant(None));
        }
        Transformed::no(cast_again(expr))
    }

    fn function(&self, function: ScalarFunction) -> DataFusionResult<Transformed<Expr>> {
        if let Some(operator) = deferred::operator_of(&function) {
            return match <[Expr; 2]>::try_from(function.args) {
                Ok([left, right]) => self.comparison(left, operator, right).map(Transformed::yes),
                Err(args) => internal_err!("a comparison of {} values", args.len()),
            };
        }
        let (func, was_wrapped) = without_wrapper(function.func);
        let args = function.args;
        let rebuilt = |args, changed| {
            let function = ScalarFunction::new_udf(Arc::clone(&func), args);
            Ok(Transformed::new_transformed(Expr::ScalarFunction(function), changed))
        };
        if !args.iter().any(|argument| self.is_address(argument)) {
            return rebuilt(args, was_wrapped);
        }
        match func.name() {
            IP_IN => self.ip_in(ScalarFunction::new_udf(func, args)),
            name if functions::is_ours(name) || OF_ANY_VALUE.contains(&name) => rebuilt(args, was_wrapped),
            _ if functions::is_foreign(&func) => rebuilt(args, was_wrapped),
            name if KEEP_ADDRESSES.contains(&name) => {
                let united = self.unite(args);
                rebuilt(united.data, united.transformed || was_wrapped)
            }
            LIST_MEMBERSHIP => match self.membership(&args)? {
                Some(condition) => Ok(Transformed::yes(condition)),
                None => rebuilt(self.texts(args), true),
            },
            _ => rebuilt(self.texts(args), true),
        }
    }

    /// `address = ANY(list)` of a constant list of texts.
    fn membership(&self, args: &[Expr]) -> DataFusionResult<Option<Expr>> {
        let [Expr::Literal(list, _), address] = args else { return Ok(None) };
        let Some(texts) = texts_of(list).filter(|_| self.is_address(address)) else { return Ok(None) };
        Ok(Some(self.one_of(address, &texts)?.unwrap_or_else(|| lit(false))))
    }

    fn aggregate(&self, mut function: AggregateFunction) -> Transformed<Expr> {
        let (func, was_wrapped) = without_wrapper_of_aggregate(function.func);
        let has_address = function.params.args.iter().any(|argument| self.is_address(argument));
        let collects = has_address && COLLECTING.contains(&func.name());
        if collects {
            function.params.args = self.texts(function.params.args);
        }
        function.func = func;
        Transformed::new_transformed(Expr::AggregateFunction(function), was_wrapped || collects)
    }

    fn window(&self, mut function: WindowFunction) -> Transformed<Expr> {
        let mut changed = false;
        if let WindowFunctionDefinition::AggregateUDF(aggregate) = function.fun {
            let (aggregate, was_wrapped) = without_wrapper_of_aggregate(aggregate);
            function.fun = WindowFunctionDefinition::AggregateUDF(aggregate);
            changed = was_wrapped;
        }
        let args = std::mem::take(&mut function.params.args);
        let has_address = args.first().is_some_and(|value| self.is_address(value));
        function.params.args = match function.fun.name() {
            name if has_address && COLLECTING.contains(&name) => {
                changed = true;
                self.texts(args)
            }
            // The value that stands in for rows beyond the ends.
            "lag" | "lead" if has_address && args.len() == 3 => {
                changed = true;
                let as_address = |value: Expr| match text_constant(&value).flatten().map(Network::of_text) {
                    Some(Ok(network)) => network.single().map_or(value, |number| constant(Some(number))),
                    _ => value,
                };
                args.into_iter().map(as_address).collect()
            }
            _ => args,
        };
        Transformed::new_transformed(Expr::WindowFunction(Box::new(function)), changed)
    }

    /// A value and the column of a subquery that it is compared with, both addresses when one of them is.
    fn with_subquery(&self, expr: Expr, subquery: Subquery) -> DataFusionResult<(Expr, Subquery, bool)> {
        let Some(field) = subquery.subquery.schema().fields().first() else { return Ok((expr, subquery, false)) };
        match (self.is_address(&expr), is_ip_field(field)) {
            (false, true) => Ok((self.functions.united(expr, self.schema), subquery, true)),
            (true, false) if field.data_type().is_string() => {
                let (qualifier, field) = subquery.subquery.schema().qualified_field(0);
                let column = Expr::Column((qualifier, field).into());
                let read = self.functions.address_of(column).alias(field.name());
                let plan = LogicalPlanBuilder::new_from_arc(Arc::clone(&subquery.subquery)).project([read])?.build()?;
                let subquery = Subquery { subquery: Arc::new(plan), ..subquery };
                Ok((expr, subquery, true))
            }
            _ => Ok((expr, subquery, false)),
        }
    }
}

/// How many of the ranges are more than one address.
fn spans(ranges: &[(u128, u128)]) -> usize {
    ranges.iter().filter(|(first, last)| first != last).count()
}

fn is_match(operator: Operator) -> bool {
    use Operator::{
        ILikeMatch, LikeMatch, NotILikeMatch, NotLikeMatch, RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch,
    };
    matches!(
        operator,
        RegexMatch
            | RegexIMatch
            | RegexNotMatch
            | RegexNotIMatch
            | LikeMatch
            | ILikeMatch
            | NotLikeMatch
            | NotILikeMatch
    )
}

/// The texts in a constant list; `None` when it is no list of texts.
fn texts_of(list: &ScalarValue) -> Option<Vec<String>> {
    let ScalarValue::List(list) = list else { return None };
    let values = list.values();
    let texts = values.as_string_opt::<i32>()?;
    Some(texts.iter().flatten().map(str::to_string).collect())
}
