//! Links: attributes that follow each other.

use serde_json::json;

use super::{
    builders::{DirectionalLink, Link},
    model::{Model, told},
    state::IntoState,
};
use crate::{bridge, host};

/// A link in the kernel.
#[derive(Clone, Debug)]
pub struct KernelLink {
    ends: serde_json::Value,
}

impl KernelLink {
    /// From now on the attributes go their own ways.
    pub fn unlink(&self) {
        let mut frame = self.ends.clone();
        frame["type"] = bridge::WIDGET_UNLINK.into();
        host::send(&frame);
    }
}

/// Keeps two attributes equal, in the kernel: `link(&slider, "value", &text, "value")`. The source's value goes first.
///
/// # Panics
/// When the kernel refuses one of the widgets, or one has no such attribute.
#[track_caller]
pub fn link(source: &Model, source_attribute: &str, target: &Model, target_attribute: &str) -> KernelLink {
    told(in_kernel(source, source_attribute, target, target_attribute, false))
}

/// Copies one attribute to another, in the kernel, one way.
///
/// # Panics
/// When the kernel refuses one of the widgets, or one has no such attribute.
#[track_caller]
pub fn dlink(source: &Model, source_attribute: &str, target: &Model, target_attribute: &str) -> KernelLink {
    told(in_kernel(source, source_attribute, target, target_attribute, true))
}

/// Keeps two attributes equal, in the page: works without the kernel. Closed by [`Model::close`].
///
/// # Panics
/// When the kernel refuses one of the widgets, or one has no such attribute.
#[track_caller]
pub fn jslink(source: &Model, source_attribute: &str, target: &Model, target_attribute: &str) -> Link {
    let link = Link::new();
    in_page(&link, [source, target], [source_attribute, target_attribute]);
    link
}

/// Copies one attribute to another, in the page, one way.
///
/// # Panics
/// When the kernel refuses one of the widgets, or one has no such attribute.
#[track_caller]
pub fn jsdlink(source: &Model, source_attribute: &str, target: &Model, target_attribute: &str) -> DirectionalLink {
    let link = DirectionalLink::new();
    in_page(&link, [source, target], [source_attribute, target_attribute]);
    link
}

fn in_kernel(
    source: &Model,
    source_attribute: &str,
    target: &Model,
    target_attribute: &str,
    is_directional: bool,
) -> Result<KernelLink, host::Error> {
    source.check(source_attribute)?;
    target.check(target_attribute)?;
    let frame = json!({
        "type": bridge::WIDGET_LINK,
        "source": [source.id(), source_attribute],
        "target": [target.id(), target_attribute],
        "directional": is_directional,
    });
    host::send(&frame);
    Ok(KernelLink { ends: frame })
}

#[track_caller]
fn in_page(link: &Model, ends: [&Model; 2], attributes: [&str; 2]) {
    for ((name, end), attribute) in ["source", "target"].into_iter().zip(ends).zip(attributes) {
        told(end.check(attribute));
        let end = vec![end.reference(), attribute.into()];
        link.put(name, end.into_state());
    }
    // Nobody shows a link: it works from when the page hears of it.
    told(link.open());
}
