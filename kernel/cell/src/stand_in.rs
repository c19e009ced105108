//! Stand-ins for the types of variables, as kernel and build driver know them. Nothing in here is for cells.
//!
//! The kernel writes one where an author wrote no type, the driver has rustc tell what it is (docs/decisions/0014).

/// What a stand-in begins with; a number follows.
pub const STAND_IN: &str = "FlowdeckType";

/// The text with something else in the place of each stand-in.
pub fn replaced<'a>(text: &'a str, type_of: impl Fn(&'a str) -> &'a str) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(STAND_IN) {
        let digits = rest[start + STAND_IN.len()..].bytes().take_while(u8::is_ascii_digit).count();
        let end = start + STAND_IN.len() + digits;
        written.push_str(&rest[..start]);
        // Without a number it is an author's own word.
        written.push_str(if digits == 0 { STAND_IN } else { type_of(&rest[start..end]) });
        rest = &rest[end..];
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stand_ins_are_replaced() {
        let text = "a: FlowdeckType1, b: FlowdeckType12, FlowdeckType";
        assert_eq!(replaced(text, |name| &name[STAND_IN.len()..]), "a: 1, b: 12, FlowdeckType");
        assert_eq!(replaced("none", |_| "x"), "none");
    }
}
