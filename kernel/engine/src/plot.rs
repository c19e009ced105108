//! From the rows of a result to what a plot draws of them: a few thousand marks at most, whatever the rows are.
//!
//! `columns` finds what is drawn along which axis, `look` asks DataFusion for sums, bins and the greatest groups, and one
//! module per family of kinds puts marks together: `lines`, `bars`, `spread`, `grid`, `spans`. Plans are built of
//! expressions over a [`StoredResult`], never of text; a chart holds no rows of the result unless they are few.
//!
//! It is here, beside [`crate::stored`], because only the engine names DataFusion. How a chart looks (Vega-Lite, SVG, text)
//! is the kernel's business: a [`Chart`] holds numbers and names, the latter bounded and with everything invisible made
//! visible.

mod bars;
mod chart;
mod columns;
mod fault;
mod grid;
mod lines;
mod look;
mod request;
mod scale;
mod spans;
mod spread;

pub use chart::{Axis, Bin, Chart, Line, Marks, Place, Point, Scale, Span, Tile};
pub use fault::PlotFault;
pub use request::{Aggregate, Kind, PlotRequest};

use tokio_util::sync::CancellationToken;

use self::look::Look;
use crate::error::EngineError;
use crate::stored::{StoredFault, StoredResult};

/// Characters of a name in a plot. Longer ones push the drawing off the page.
const NAME_CHARS_MAX: usize = 48;

/// Notes of sources in a caption, and characters of each.
const NOTES_MAX: usize = 2;
const NOTE_CHARS_MAX: usize = 100;

impl StoredResult {
    /// Draws together what a plot of this kind shows. May take seconds; returns soon after `cancel` is cancelled.
    ///
    /// # Errors
    /// [`EngineError::Plot`] when a column is missing or holds what cannot be drawn so, else what the engine says.
    pub async fn chart(&self, request: &PlotRequest, cancel: CancellationToken) -> Result<Chart, EngineError> {
        if self.result().row_count > u32::MAX as usize {
            return Err(StoredFault::TooManyRows { limit: u32::MAX as usize }.into());
        }
        request.check()?;
        let look = Look { stored: self, request, cancel };
        let mut chart = match request.kind {
            Kind::Line | Kind::Area => lines::over_time(&look).await?,
            Kind::Bars => bars::bars(&look).await?,
            Kind::Histogram => spread::histogram(&look).await?,
            Kind::Cdf => spread::cumulative(&look).await?,
            Kind::Scatter => grid::scatter(&look).await?,
            Kind::HeatMap => grid::heat_map(&look).await?,
            Kind::Matrix => grid::matrix(&look).await?,
            Kind::Sankey => grid::sankey(&look).await?,
            Kind::Timeline => spans::timeline(&look).await?,
        };
        chart.is_faceted = request.facet && chart.by.is_some();
        chart.leave_out_what_has_no_logarithm();
        chart.title = request.title.as_deref().map(|title| name_text(title, 2 * NAME_CHARS_MAX));
        if self.result().truncated {
            chart.notes.push("the query had more rows than its limit let through".into());
        }
        // What is doubtful about the data, for instance rows that a source rejected.
        let doubts = self.result().notes.iter().take(NOTES_MAX).map(|note| name_text(&note.text, NOTE_CHARS_MAX));
        chart.notes.extend(doubts);
        Ok(chart)
    }
}

/// A name as it is drawn: nothing invisible, no longer than `chars_max`.
fn name_text(text: &str, chars_max: usize) -> String {
    let mut cut: String = text.chars().take(chars_max).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    crate::render::visible(&cut)
}

#[cfg(test)]
mod tests;
