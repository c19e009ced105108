//! What an author asks of a plot.

use std::time::Duration;

use super::fault::PlotFault;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An amount over time, one line a group.
    Line,
    /// Amounts of groups, one as long as it is great.
    Bars,
    /// Amounts over time, groups on top of each other.
    Area,
    /// How often values of a range occur.
    Histogram,
    /// Two amounts of each row.
    Scatter,
    /// An amount by time and group.
    HeatMap,
    /// An amount by two groups: who with whom.
    Matrix,
    /// An amount from groups to groups, as bands between them.
    Sankey,
    /// The share of rows up to each value.
    Cdf,
    /// What lasts from when to when.
    Timeline,
}

impl Kind {
    /// All kinds by their names.
    pub const NAMES: &[(&str, Kind)] = &[
        ("line", Kind::Line),
        ("bars", Kind::Bars),
        ("area", Kind::Area),
        ("histogram", Kind::Histogram),
        ("scatter", Kind::Scatter),
        ("heatmap", Kind::HeatMap),
        ("matrix", Kind::Matrix),
        ("sankey", Kind::Sankey),
        ("cdf", Kind::Cdf),
        ("timeline", Kind::Timeline),
    ];

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Kind> {
        Kind::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Kind::NAMES.iter().find(|(_, kind)| *kind == self).map_or("plot", |(name, _)| name)
    }
}

/// What becomes of the amounts of several rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Sum,
    /// How many rows there are.
    Count,
    Average,
    Least,
    Greatest,
}

impl Aggregate {
    /// All by their names.
    pub const NAMES: &[(&str, Aggregate)] = &[
        ("sum", Aggregate::Sum),
        ("count", Aggregate::Count),
        ("avg", Aggregate::Average),
        ("min", Aggregate::Least),
        ("max", Aggregate::Greatest),
    ];

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Aggregate> {
        Aggregate::NAMES.iter().find(|(known, _)| *known == name).map(|(_, aggregate)| *aggregate)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Aggregate::NAMES.iter().find(|(_, aggregate)| *aggregate == self).map_or("", |(name, _)| name)
    }
}

/// A plot: its kind, its columns by name, and how rows come together. What is `None` is chosen from the columns there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotRequest {
    /// What is drawn.
    pub kind: Kind,
    /// The column along the horizontal axis; of bars, the groups.
    pub x: Option<String>,
    /// The column along the vertical axis; of bars, the amount.
    pub y: Option<String>,
    /// The column whose values are drawn apart, each in a colour.
    pub by: Option<String>,
    /// Whether each value of `by` gets a drawing of its own instead of a colour.
    pub facet: bool,
    /// The amount that the colours of a heat map or a matrix tell, or the bands of a sankey.
    pub value: Option<String>,
    /// When an interval ends: a time or a duration.
    pub end: Option<String>,
    /// What becomes of the amounts of several rows: their sum if `None`.
    pub aggregate: Option<Aggregate>,
    /// The width of bins of time.
    pub bin: Option<Duration>,
    /// How many bins a histogram has.
    pub bins: Option<usize>,
    /// How many groups are drawn apart; the rest is one more, "other".
    pub top: Option<usize>,
    /// Whether amounts are drawn by their logarithm.
    pub log: bool,
    /// Above the drawing.
    pub title: Option<String>,
    /// The unit of the amount; told by the name of the column if `None`.
    pub unit: Option<String>,
}

impl PlotRequest {
    /// Refuses options that this kind has no use for: what an author wrote is not passed over in silence.
    pub(super) fn check(&self) -> Result<(), PlotFault> {
        use Kind::*;
        let options: [(&'static str, bool, &[Kind]); 10] = [
            ("--y", self.y.is_some(), &[Line, Area, Bars, Histogram, Scatter, HeatMap, Matrix, Sankey, Timeline]),
            ("--facet", self.facet, &[Line, Area, Bars, Scatter, Cdf]),
            ("--by", self.by.is_some(), &[Line, Area, Bars, Scatter, Cdf, Timeline]),
            ("--value", self.value.is_some(), &[HeatMap, Matrix, Sankey]),
            ("--end", self.end.is_some(), &[Timeline]),
            ("--agg", self.aggregate.is_some(), &[Line, Area, Bars, Histogram, HeatMap, Matrix, Sankey]),
            ("--bin", self.bin.is_some(), &[Line, Area, Histogram, HeatMap]),
            ("--bins", self.bins.is_some(), &[Histogram]),
            ("--top", self.top.is_some(), &[Line, Area, Bars, Scatter, HeatMap, Matrix, Sankey, Cdf, Timeline]),
            ("--log", self.log, &[Line, Histogram, Scatter, HeatMap, Matrix, Cdf]),
        ];
        let wrong = options.into_iter().find(|(_, is_given, kinds)| *is_given && !kinds.contains(&self.kind));
        wrong.map_or(Ok(()), |(option, ..)| Err(PlotFault::NoSuchOption { kind: self.kind.name(), option }))
    }

    /// A plot of this kind, everything else chosen from the columns there are.
    pub fn new(kind: Kind) -> PlotRequest {
        PlotRequest {
            kind,
            x: None,
            y: None,
            by: None,
            facet: false,
            value: None,
            end: None,
            aggregate: None,
            bin: None,
            bins: None,
            top: None,
            log: false,
            title: None,
            unit: None,
        }
    }
}
