//! A drawing as a bitmap, for documents and mails that show no SVG.

use std::sync::{Arc, LazyLock};

use resvg::{tiny_skia, usvg};

/// Pixels of the bitmap for one of the drawing: sharp on paper and on dense screens, small enough to keep in a notebook.
const SCALE: f32 = 1.5;

/// What texts of the drawings are written in; the first that is there.
const FONTS: [&str; 7] = ["DejaVu Sans", "Noto Sans", "Liberation Sans", "Open Sans", "Arial", "Helvetica", "Segoe UI"];

/// The fonts of this system, read once. `None` where there is none.
static SYSTEM_FONTS: LazyLock<Option<Arc<usvg::fontdb::Database>>> = LazyLock::new(|| {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_system_fonts();
    let families = || fonts.faces().flat_map(|face| face.families.iter().map(|(name, _)| name.clone()));
    let chosen = FONTS.into_iter().find(|wanted| families().any(|name| name == *wanted)).map(str::to_owned);
    let family = chosen.or_else(|| families().next())?;
    fonts.set_sans_serif_family(family);
    Some(Arc::new(fonts))
});

/// The bitmap as PNG; `None` where the system has no font, as a drawing without texts tells nothing.
pub(super) fn of(svg: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(fonts) = SYSTEM_FONTS.clone() else { return Ok(None) };
    let options = usvg::Options {
        fontdb: fonts,
        // Drawings of ours name no file, and must not read one that a name of data smuggled in.
        resources_dir: None,
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|fault| fault.to_string())?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or("a drawing without a size")?;
    let mut bitmap = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("a drawing without a size")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut bitmap.as_mut());
    bitmap.encode_png().map(Some).map_err(|fault| fault.to_string())
}
