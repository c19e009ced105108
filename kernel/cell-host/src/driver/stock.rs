//! A cell where there is no prelude and cargo compiles: how the error of a `?` is told to the kernel.

/// What the kernel reads it by (`interpreter::rust::markers`); a line feed in it is written as this character.
const MARK: &str = "EVCXR_FLOWDECK_ERROR:";
const LINE_FEED: &str = "\\u{1e}";

/// How evcxr 0.22 prints the error.
const PRINTED: &str = "eprintln!(\"{}\", error);";

/// evcxr's text with the error told, on the same lines.
pub fn with_told_errors(source: &str) -> String {
    let told =
        format!("::std::println!(\"{MARK}{{}}\", ::std::format!(\"{{}}\", error).replace('\\n', \"{LINE_FEED}\"));");
    source.replacen(PRINTED, &told, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_question_mark_is_told_on_the_same_line() {
        let changed = with_told_errors("fn from(error: T) {\n    eprintln!(\"{}\", error);\n}");
        assert_eq!(
            changed,
            "fn from(error: T) {\n    ::std::println!(\"EVCXR_FLOWDECK_ERROR:{}\", \
             ::std::format!(\"{}\", error).replace('\\n', \"\\u{1e}\"));\n}"
        );
    }
}
