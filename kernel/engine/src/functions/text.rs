//! What is told about a function of ours: its name, how to write it, what it does, and an example that is tested.

/// What [`crate::Engine::function_help`] and completion say about a function.
#[derive(Debug)]
pub(crate) struct FunctionText {
    pub(crate) name: &'static str,
    /// How a call looks, optional arguments in square brackets.
    pub(crate) syntax: &'static str,
    pub(crate) description: &'static str,
    /// Calls with what they give; empty where it depends on files.
    pub(crate) examples: &'static [Example],
}

/// What follows SELECT, and the value that comes out as text.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) call: &'static str,
    pub(crate) result: &'static str,
}

/// Shorter to read in the lists of examples.
pub(crate) const fn example(call: &'static str, result: &'static str) -> Example {
    Example { call, result }
}

impl FunctionText {
    /// Plain text for the editor.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("{}\n\n{}", self.syntax, self.description);
        if !self.examples.is_empty() {
            text.push_str("\n\nExamples:");
        }
        for example in self.examples {
            text.push_str(&format!("\n  {}\n    = {}", example.call, example.result));
        }
        text
    }
}
