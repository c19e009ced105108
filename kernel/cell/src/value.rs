//! The value of a cell: its own `evcxr_display` if it has one, else what it displays, else its `Debug` text.
//!
//! The kernel ends a cell in `(&(expression)).evcxr_display()`. The compiler looks for the method at `&T` first, where
//! a method of the type itself and [`ShowDisplayable`] are, and last at `&mut &T`, where only [`ShowDebug`] is: for a
//! reference to a displayable value too it is never a second candidate.

use std::fmt::Debug;

use serde_json::json;

use crate::{Displayable, MimeBundle, bridge, host};

/// Shows values that know how to show themselves.
pub trait ShowDisplayable {
    /// Sends the value as that of the cell.
    fn evcxr_display(&self);
}

impl<T: Displayable + ?Sized> ShowDisplayable for T {
    fn evcxr_display(&self) {
        match self.widget() {
            Some(widget) => widget.evcxr_display(),
            None => show_bundle(&self.cell_value()),
        }
    }
}

/// Shows values that have a `Debug` text.
pub trait ShowDebug {
    /// Sends the text as the value of the cell.
    fn evcxr_display(&mut self);
}

impl<T: Debug + ?Sized> ShowDebug for &T {
    fn evcxr_display(&mut self) {
        show_debug(self);
    }
}

// Not generic, so compiled with the prelude: what a generic function builds, every cell compiles anew.

fn show_bundle(bundle: &MimeBundle) {
    host::send(&json!({"type": bridge::RESULT, "data": bundle}));
}

fn show_debug(value: &dyn Debug) {
    host::send(&json!({"type": bridge::RESULT, "data": {"text/plain": format!("{value:?}")}}));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Html, fake_host::FakeHost};

    /// What the kernel writes around the last expression of a cell.
    macro_rules! shown {
        ($value:expr) => {{
            let host = FakeHost::new();
            (&($value)).evcxr_display();
            let frames = host.frames();
            assert_eq!(frames.len(), 1);
            frames[0]["data"].clone()
        }};
    }

    struct Own;

    impl Own {
        fn evcxr_display(&self) {
            host::send(&json!({"type": bridge::RESULT, "data": "its own"}));
        }
    }

    #[derive(Debug)]
    #[allow(dead_code)]
    struct Plain {
        a: i32,
    }

    #[test]
    #[allow(clippy::needless_borrow, clippy::unit_arg)]
    fn a_value_is_shown_by_the_best_that_its_type_offers() {
        assert_eq!(shown!(Own), json!("its own"));
        assert_eq!(shown!(&Own), json!("its own"));
        assert_eq!(shown!(Html("<b>x</b>"))["text/html"], "<b>x</b>");
        assert_eq!(shown!(Plain { a: 1 })["text/plain"], "Plain { a: 1 }");
        assert_eq!(shown!(vec![Plain { a: 2 }])["text/plain"], "[Plain { a: 2 }]");
        assert_eq!(shown!("a\n".to_string())["text/plain"], "\"a\\n\"");
        assert_eq!(shown!(*"a")["text/plain"], "\"a\"");
        assert_eq!(shown!([1, 2][..])["text/plain"], "[1, 2]");
        assert_eq!(shown!(())["text/plain"], "()");
        let (text, number) = ("a".to_string(), 1);
        assert_eq!(shown!(&text)["text/plain"], "\"a\"");
        assert_eq!(shown!(&&number)["text/plain"], "1");
    }
}
