//! Why a plot cannot be drawn, for the author of its cell.

/// What is wrong with a plot. Names come from data and are shown as they can be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlotFault {
    /// A column that the query does not give.
    #[error("there is no column `{name}` for {option}; the query gives {known}")]
    UnknownColumn { option: &'static str, name: String, known: String },
    /// A column that holds what cannot be drawn so.
    #[error("the column `{column}` holds {type_text}, and {option} takes {wanted}")]
    WrongType { option: &'static str, column: String, type_text: String, wanted: &'static str },
    /// No column that would do.
    #[error("the query gives no column for {option}, which takes {wanted}; it gives {known}")]
    NoColumn { option: &'static str, wanted: &'static str, known: String },
    /// An option that this kind of plot has not.
    #[error("a plot of kind `{kind}` has no {option}")]
    NoSuchOption { kind: &'static str, option: &'static str },
    /// Bins so narrow that there would be too many.
    #[error("bins of this width would be {count}; at most {limit} can be drawn")]
    TooManyBins { count: u64, limit: usize },
}

impl PlotFault {
    /// What the author may try next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            PlotFault::UnknownColumn { option, .. } => {
                format!("Name a column of the query in {option}, or give the column that name with AS")
            }
            PlotFault::WrongType { option, wanted, column, .. } if wanted.contains("number") => {
                format!("Name another column in {option}, or make it a number in the query: CAST({column} AS DOUBLE)")
            }
            PlotFault::WrongType { option, wanted, column, .. } if wanted.contains("time") => {
                format!("Name another column in {option}, or make it a time in the query: to_timestamp({column})")
            }
            PlotFault::WrongType { option, .. } => format!("Name another column in {option}"),
            PlotFault::NoColumn { option, .. } => format!("Select such a column, or name one with {option} COLUMN"),
            PlotFault::NoSuchOption { kind, .. } => format!("Leave it out; docs/plots.md lists what `{kind}` has"),
            PlotFault::TooManyBins { .. } => "Give wider bins with --bin, or a shorter time window".into(),
        })
    }
}
