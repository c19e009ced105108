//! Whole numbers of a query are right or an error: DataFusion's `+`, `-`, `*` and `sum` silently start anew at the other
//! end when they overflow, so that bytes of a long time become few.
//!
//! `sum` replaces the aggregate under its name, `arithmetic` the operators. Sums as decimals are `functions::safe_sum`.

mod arithmetic;
mod sum;

pub(crate) use arithmetic::CheckIntegers;
pub(crate) use sum::checked as checked_sum;
