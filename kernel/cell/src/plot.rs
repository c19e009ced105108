//! Drawings of a result: `plot(&table)`, with the options of `%%plot`. Put together and drawn by the kernel.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    bridge,
    display::{self, Displayable, MimeBundle},
    host::{self, Error},
    table::Table,
};

/// What is drawn; docs/plots.md says of each which columns it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlotKind {
    /// An amount over time, one line a group.
    Line,
    /// Amounts of groups.
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

impl PlotKind {
    fn name(self) -> &'static str {
        match self {
            PlotKind::Line => "line",
            PlotKind::Bars => "bars",
            PlotKind::Area => "area",
            PlotKind::Histogram => "histogram",
            PlotKind::Scatter => "scatter",
            PlotKind::HeatMap => "heatmap",
            PlotKind::Matrix => "matrix",
            PlotKind::Sankey => "sankey",
            PlotKind::Cdf => "cdf",
            PlotKind::Timeline => "timeline",
        }
    }
}

/// A drawing of a table, see [`plot`]. Columns that are not named are chosen, as `%%plot` does.
#[derive(Clone)]
#[must_use = "a plot is drawn when it is displayed or saved"]
pub struct Plot {
    table: Table,
    options: Vec<(&'static str, String)>,
}

/// Draws the rows of a query.
///
/// ```ignore
/// let flows = flowdeck::sql("SELECT start_time, bytes, protocol FROM flows")?;
/// plot(&flows).kind(PlotKind::Line).by("protocol").bin("5m").title("Traffic by protocol")
/// ```
pub fn plot(table: &Table) -> Plot {
    Plot { table: table.clone(), options: Vec::new() }
}

impl Plot {
    /// What is drawn; a line if this is not called.
    pub fn kind(self, kind: PlotKind) -> Plot {
        self.with("--kind", kind.name())
    }

    /// The column along the horizontal axis; of bars, the groups.
    pub fn x(self, column: &str) -> Plot {
        self.with("--x", column)
    }

    /// The column along the vertical axis; of bars, the amount.
    pub fn y(self, column: &str) -> Plot {
        self.with("--y", column)
    }

    /// The column whose values are drawn apart, each in a colour.
    pub fn by(self, column: &str) -> Plot {
        self.with("--by", column)
    }

    /// The column whose values get a drawing each, side by side on the same axes.
    pub fn facet(self, column: &str) -> Plot {
        self.with("--facet", column)
    }

    /// The amount that colours or bands tell.
    pub fn value(self, column: &str) -> Plot {
        self.with("--value", column)
    }

    /// When an interval ends: a time or a duration.
    pub fn end(self, column: &str) -> Plot {
        self.with("--end", column)
    }

    /// What becomes of the amounts of several rows: `sum`, `count`, `avg`, `min` or `max`.
    pub fn aggregate(self, how: &str) -> Plot {
        self.with("--agg", how)
    }

    /// The width of bins of time: `30s`, `5m`, `1h`.
    pub fn bin(self, width: &str) -> Plot {
        self.with("--bin", width)
    }

    /// About how many bins a histogram has.
    pub fn bins(self, count: usize) -> Plot {
        self.with("--bins", &count.to_string())
    }

    /// How many groups are drawn apart; the others are one more.
    pub fn top(self, count: usize) -> Plot {
        self.with("--top", &count.to_string())
    }

    /// Draws amounts by their logarithm.
    pub fn log(self) -> Plot {
        self.with("--log", "")
    }

    /// Above the drawing.
    pub fn title(self, text: &str) -> Plot {
        self.with("--title", text)
    }

    /// The unit of the amount.
    pub fn unit(self, unit: &str) -> Plot {
        self.with("--unit", unit)
    }

    /// Writes a picture, `svg` or `png`, to a new file in `data/PLAYBOOK/` beside the notebook and gives its path.
    ///
    /// # Errors
    /// When a column is missing or holds what cannot be drawn so, or the file cannot be written.
    pub fn save(&self, picture: &str) -> Result<PathBuf, Error> {
        let reply = self.clone().with("--save", picture).ask()?;
        Ok(reply.get("path").and_then(Value::as_str).unwrap_or_default().into())
    }

    /// What a display of it carries.
    ///
    /// # Errors
    /// When a column is missing or holds what cannot be drawn so.
    pub fn draw(&self) -> Result<MimeBundle, Error> {
        match self.ask()?.get("data") {
            Some(Value::Object(data)) => Ok(data.clone()),
            _ => Err(Error::new("internal: the kernel answered without a drawing")),
        }
    }

    /// Makes the plot the cell's result; evcxr calls it when a plot is the last expression of a cell.
    ///
    /// # Panics
    /// Where [`Plot::draw`] gives an error.
    pub fn evcxr_display(&self) {
        display::result(&self.mime_bundle());
    }

    fn with(mut self, option: &'static str, value: &str) -> Plot {
        self.options.push((option, value.to_owned()));
        self
    }

    fn ask(&self) -> Result<MimeBundle, Error> {
        let question = json!({"type": bridge::PLOT, "table": self.table.number(), "options": self.options});
        Ok(host::request(&question)?.json)
    }
}

impl Displayable for Plot {
    /// # Panics
    /// Where [`Plot::draw`] gives an error.
    #[track_caller]
    fn mime_bundle(&self) -> MimeBundle {
        self.draw().unwrap_or_else(|error| panic!("the plot cannot be drawn: {error}"))
    }
}

impl std::fmt::Debug for Plot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plot of {} rows {:?}", self.table.row_count(), self.options)
    }
}
