//! How plots look: one chart as a Vega-Lite spec, as a drawing (SVG, and PNG made of it) and as text, in one bundle.
//!
//! What is drawn is decided and put together by [`flow_engine::plot`]; nothing here sees rows. The pictures are here and not
//! in the engine as they are what a front end shows: MIME types are Jupyter's business. `spec` is what JupyterLab
//! and Voilà draw, with tooltips and zoom; `svg` stands in where no Vega is (GitHub, converted notebooks), `png` where no SVG
//! is shown (documents, mails), `text` where nothing is drawn at all. `bands` is where a sankey's bands run, for both drawings;
//! `select` is about plots in which a person selects.
//!
//! Names come from data. In the spec they are plain strings and never field names, expressions or addresses; see
//! [`spec`] for where Vega would read more into them.

mod bands;
mod format;
mod palette;
mod png;
pub mod select;
mod spec;
mod svg;
mod text;

use std::{path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flow_engine::{
    CancellationToken, PlotRequest, QueryResult, StoredResult, export,
    plot::{Chart, Marks},
};
use kernel_protocol::MimeBundle;
use serde_json::Value;

use crate::{
    engine::{self, EngineRoom},
    exports::{self, Interval, NotSaved},
    report::Report,
};

/// What JupyterLab draws with the extension that it brings.
const SPEC_MIME: &str = "application/vnd.vegalite.v5+json";

/// One transparent dot as PNG, never seen: in Voilà, which needs no picture beside what it draws, and where the system
/// has no font. Once the plot is drawn, JupyterLab's extension for Vega adds a PNG to outputs that have none; the outputs
/// of Voilà's pages cannot be changed, and an error would stand below the plot.
const NO_PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// Whether this kernel was started by Voilà, which says so in its environment.
fn is_voila() -> bool {
    std::env::var("SERVER_SOFTWARE").is_ok_and(|name| name.starts_with("voila"))
}

/// A picture as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    Svg,
    Png,
}

impl Picture {
    /// All by the names that are also the endings of their files.
    pub const NAMES: &[(&str, Picture)] = &[("svg", Picture::Svg), ("png", Picture::Png)];

    fn ending(self) -> &'static str {
        Picture::NAMES.iter().find(|(_, picture)| *picture == self).map_or("", |(name, _)| name)
    }
}

/// A plot that is put together, not drawn yet.
#[derive(Clone)]
pub struct Plot(Arc<Chart>);

/// Puts a plot of a result together.
///
/// # Errors
/// What is wrong with the request, or what the engine says.
pub async fn of(
    room: &EngineRoom,
    result: QueryResult,
    request: &PlotRequest,
    cancel: CancellationToken,
) -> Result<Plot, Report> {
    let stored = StoredResult::new(&room.engine, result);
    let chart = stored.chart(request, cancel).await.map_err(|error| room.report(&error))?;
    Ok(Plot(Arc::new(chart)))
}

impl Plot {
    /// What a display of it carries.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn bundle(&self) -> Result<MimeBundle, Report> {
        let chart = self.0.clone();
        drawn(move || {
            let svg = svg::of(&chart)?;
            let picture = if is_voila() { None } else { png::of(&svg)? };
            let mut bundle = MimeBundle::new();
            bundle.insert(SPEC_MIME.to_owned(), spec::of(&chart));
            bundle.insert("image/svg+xml".to_owned(), Value::from(svg));
            let picture = picture.map_or_else(|| NO_PICTURE.to_owned(), |picture| BASE64.encode(picture));
            bundle.insert("image/png".to_owned(), Value::from(picture));
            bundle.insert("text/plain".to_owned(), Value::from(text::of(&chart)));
            Ok(bundle)
        })
        .await
    }

    /// The drawing as SVG.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn svg(&self) -> Result<String, Report> {
        let chart = self.0.clone();
        drawn(move || svg::of(&chart)).await
    }

    /// What the author wrote above it.
    pub fn title(&self) -> Option<String> {
        self.0.title.clone()
    }

    /// Writes a picture of it to a new file in the folder of exports; gives its path.
    ///
    /// # Errors
    /// When the folder or the file cannot be written, or the system has no font for a PNG.
    pub async fn save(&self, picture: Picture, interval: Option<Interval>) -> Result<PathBuf, Report> {
        let (chart, room) = (self.0.clone(), engine::ready().await?);
        let bytes = drawn(move || {
            let svg = svg::of(&chart)?;
            match picture {
                Picture::Svg => Ok(Some(svg.into_bytes())),
                Picture::Png => png::of(&svg),
            }
        });
        let bytes = bytes.await?.ok_or_else(|| {
            Report::new("ExportError", "this system has no font to write with in a PNG")
                .with_hint("install a font such as DejaVu Sans (Debian: fonts-dejavu-core), or save as svg")
        })?;
        let work = move || {
            let saved = exports::save(interval, picture.ending(), |path| export::write_bytes(&bytes, path));
            saved.map_err(|fault| match fault {
                NotSaved::File(error) => room.report(&error),
                folder => Report::new("ExportError", folder.to_string()),
            })
        };
        tokio::task::spawn_blocking(work).await.map_err(Report::internal)?
    }
}

/// Drawing takes milliseconds of computing: not on the threads of the protocol.
async fn drawn<T: Send + 'static>(draw: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, Report> {
    let drawn = tokio::task::spawn_blocking(draw).await.map_err(Report::internal)?;
    drawn.map_err(|fault| Report::internal(format!("the drawing: {fault}")))
}

/// The names of what is drawn apart, in order.
fn series(chart: &Chart) -> Vec<String> {
    match &chart.marks {
        Marks::Lines(lines) => lines.iter().map(|line| line.name.clone()).collect(),
        Marks::Bars { series, .. } | Marks::Points { series, .. } | Marks::Spans { series, .. } => series.clone(),
        Marks::Bins(_) | Marks::Tiles(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
