//! How plots look: one chart as a Vega-Lite spec, as an SVG drawing and as text, in one bundle.
//!
//! What is drawn is decided and put together by [`flow_engine::plot`]; nothing here sees rows. The pictures are here and not
//! in the engine as they are what a front end shows: MIME types are Jupyter's business. `spec` is what JupyterLab
//! and Voilà draw, with tooltips and zoom; `svg` stands in where no Vega is (GitHub, converted notebooks), `text` where nothing is
//! drawn at all.
//!
//! Names come from data. In the spec they are plain strings and never field names, expressions or addresses; see
//! [`spec`] for where Vega would read more into them.

mod format;
mod palette;
mod spec;
mod svg;
mod text;

use flow_engine::{CancellationToken, PlotRequest, QueryResult, StoredResult};
use kernel_protocol::MimeBundle;
use serde_json::Value;

use crate::{engine::EngineRoom, report::Report};

/// What JupyterLab draws with the extension that it brings.
const SPEC_MIME: &str = "application/vnd.vegalite.v5+json";

/// One transparent dot as PNG, in Voilà only and never seen. Once the plot is drawn, JupyterLab's extension for Vega adds a
/// PNG to outputs that have none; the outputs of Voilà's pages cannot be changed, and an error would stand below the plot.
const NO_PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// Whether this kernel was started by Voilà, which says so in its environment.
fn is_voila() -> bool {
    std::env::var("SERVER_SOFTWARE").is_ok_and(|name| name.starts_with("voila"))
}

/// Draws a result.
///
/// # Errors
/// What is wrong with the request, or what the engine says.
pub async fn draw(
    room: &EngineRoom,
    result: QueryResult,
    request: &PlotRequest,
    cancel: CancellationToken,
) -> Result<MimeBundle, Report> {
    let stored = StoredResult::new(&room.engine, result);
    let chart = stored.chart(request, cancel).await.map_err(|error| room.report(&error))?;
    let drawn = tokio::task::spawn_blocking(move || {
        let mut bundle = MimeBundle::new();
        bundle.insert(SPEC_MIME.to_owned(), spec::of(&chart));
        bundle.insert("image/svg+xml".to_owned(), Value::from(svg::of(&chart)?));
        bundle.insert("text/plain".to_owned(), Value::from(text::of(&chart)));
        if is_voila() {
            bundle.insert("image/png".to_owned(), Value::from(NO_PICTURE));
        }
        Ok(bundle)
    });
    drawn.await.map_err(Report::internal)?.map_err(|fault: String| Report::internal(format!("the drawing: {fault}")))
}

#[cfg(test)]
mod tests;
