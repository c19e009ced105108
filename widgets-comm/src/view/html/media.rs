//! Pictures, sounds, films and files in static HTML. Small pictures are embedded, everything else is named.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::escape::escaped;
use crate::model::Model;

/// A picture beyond this would bloat the notebook.
const IMAGE_BYTES_MAX: usize = 256 * 1024;

/// The HTML of a model that holds bytes; `None` for any other.
pub(super) fn html(model: &Model) -> Option<String> {
    match model.class() {
        "Image" => Some(image(model)),
        "Audio" => Some(named("sound", model)),
        "Video" => Some(named("film", model)),
        "FileUpload" => Some(files(model)),
        _ => None,
    }
}

fn image(model: &Model) -> String {
    let bytes = model.value("value").and_then(|value| value.as_bytes()).map(|bytes| bytes.as_ref()).unwrap_or_default();
    let source = match model.text("format") {
        "url" => std::str::from_utf8(bytes).ok().filter(|url| is_web_address(url)).map(str::to_owned),
        format => image_type(format)
            .filter(|_| bytes.len() <= IMAGE_BYTES_MAX && !bytes.is_empty())
            .map(|image_type| format!("data:image/{image_type};base64,{}", STANDARD.encode(bytes))),
    };
    let Some(source) = source else { return named("picture", model) };
    let size = ["width", "height"].map(|name| match model.text(name) {
        "" => String::new(),
        size => format!(" {name}=\"{}\"", escaped(size)),
    });
    format!("<img src=\"{}\"{} alt=\"{}\">", escaped(&source), size.concat(), escaped(model.text("tooltip")))
}

fn is_web_address(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))
}

/// The MIME type behind `image/` of the formats that browsers show.
fn image_type(format: &str) -> Option<&'static str> {
    match format.to_ascii_lowercase().as_str() {
        "png" => Some("png"),
        "jpg" | "jpeg" => Some("jpeg"),
        "gif" => Some("gif"),
        "webp" => Some("webp"),
        "bmp" => Some("bmp"),
        "svg" | "svg+xml" => Some("svg+xml"),
        _ => None,
    }
}

fn named(what: &str, model: &Model) -> String {
    let bytes = model.value("value").and_then(|value| value.as_bytes()).map_or(0, |bytes| bytes.len());
    format!("<em>{what} ({}), {bytes} bytes</em>", escaped(model.text("format")))
}

fn files(model: &Model) -> String {
    let files = model.value("value").and_then(|value| value.json().as_array());
    let file = |file: &Value| {
        let name = escaped(file["name"].as_str().unwrap_or_default());
        format!("{name}, {} bytes", file["size"].as_u64().unwrap_or_default())
    };
    let names: Vec<String> = files.into_iter().flatten().map(file).collect();
    let button = format!("<button disabled>{} ({})</button>", escaped(model.text("description")), names.len());
    if names.is_empty() { button } else { format!("{button} {}", names.join("; ")) }
}
