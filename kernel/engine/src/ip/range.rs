//! Ranges of addresses as conditions on bytes, which statistics of files and remote sources understand.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

use super::constant;
use crate::functions::FunctionFault;
use crate::functions::ip_list::parse_ip_list;

/// Ranges up to which a condition names each. Beyond, a search in the list is faster than its comparisons.
pub(crate) const RANGES_WORDED_MAX: usize = 8;

/// One address or network that a text means.
///
/// Invariant: not empty, in order.
pub(crate) struct Network(Vec<(u128, u128)>);

impl Network {
    /// The one address or network in `text`.
    pub(crate) fn of_text(text: &str) -> Result<Network, FunctionFault> {
        let refused = |reason: &str| FunctionFault::Comparison {
            found: format!("`{}`", crate::render::visible(text)),
            reason: reason.into(),
        };
        let is_one = text.trim().contains(|c: char| c.is_alphanumeric() || c == ':');
        if !is_one {
            return Err(refused("it is not an IP address or network"));
        }
        let list = parse_ip_list(text).map_err(|fault| match fault.bad.as_slice() {
            [bad] if fault.good.is_empty() => refused(&format!("it is {}", bad.reason)),
            _ => refused("it is not an IP address or network"),
        })?;
        match list.entries() {
            [entry] if !entry.starts_with('!') => Ok(Network(list.ranges())),
            _ => Err(refused("it is a list")),
        }
    }

    /// The address, when it is one only.
    pub(crate) fn single(&self) -> Option<u128> {
        match self.0.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }

    pub(crate) fn ranges(&self) -> &[(u128, u128)] {
        &self.0
    }

    fn first(&self) -> u128 {
        self.0.first().map_or(0, |(first, _)| *first)
    }

    fn last(&self) -> u128 {
        self.0.last().map_or(u128::MAX, |(_, last)| *last)
    }

    /// `address operator network`: equal to a network is what lies in it, less is what lies before all of it.
    /// `None` for operators that do not compare.
    pub(crate) fn compared(&self, address: Expr, operator: Operator) -> Option<Expr> {
        let compare = |operator, number| binary(address.clone(), operator, constant(Some(number)));
        if let Some(number) = self.single() {
            return Some(compare(operator, number));
        }
        Some(match operator {
            Operator::Eq => lies_in(&address, &self.0),
            Operator::NotEq => lies_outside(&address, &self.0),
            Operator::IsNotDistinctFrom => address.clone().is_not_null().and(lies_in(&address, &self.0)),
            Operator::IsDistinctFrom => address.clone().is_null().or(lies_outside(&address, &self.0)),
            Operator::Lt | Operator::GtEq => compare(operator, self.first()),
            Operator::LtEq | Operator::Gt => compare(operator, self.last()),
            _ => return None,
        })
    }
}

/// `operator` between two values.
pub(crate) fn binary(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

/// Whether an address lies in one of the ranges; NULL for a NULL address, unless there is no range.
pub(crate) fn lies_in(address: &Expr, ranges: &[(u128, u128)]) -> Expr {
    let (singles, spans): (Vec<_>, Vec<_>) = ranges.iter().copied().partition(|(first, last)| first == last);
    let singles: Vec<Expr> = singles.into_iter().map(|(number, _)| constant(Some(number))).collect();
    let one_of = match singles.len() {
        0 => None,
        1 => singles.into_iter().next().map(|single| binary(address.clone(), Operator::Eq, single)),
        _ => Some(Expr::InList(InList::new(Box::new(address.clone()), singles, false))),
    };
    let spans = spans.into_iter().map(|range| within(address, range));
    one_of.into_iter().chain(spans).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

fn lies_outside(address: &Expr, ranges: &[(u128, u128)]) -> Expr {
    let outside = ranges.iter().map(|(first, last)| {
        let before = binary(address.clone(), Operator::Lt, constant(Some(*first)));
        before.or(binary(address.clone(), Operator::Gt, constant(Some(*last))))
    });
    outside.reduce(Expr::and).unwrap_or_else(|| lit(ScalarValue::Boolean(Some(true))))
}

/// The bounds that say something.
fn within(address: &Expr, (first, last): (u128, u128)) -> Expr {
    let from = (first > 0).then(|| binary(address.clone(), Operator::GtEq, constant(Some(first))));
    let to = (last < u128::MAX).then(|| binary(address.clone(), Operator::LtEq, constant(Some(last))));
    from.into_iter().chain(to).reduce(Expr::and).unwrap_or_else(|| address.clone().is_not_null())
}

/// The smallest range around all of them.
pub(crate) fn envelope(address: &Expr, ranges: &[(u128, u128)]) -> Option<Expr> {
    let ((first, _), (_, last)) = ranges.first().zip(ranges.last())?;
    Some(within(address, (*first, *last)))
}
