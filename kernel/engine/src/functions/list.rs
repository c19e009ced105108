//! The list of our functions, in the order in which help shows them.

use super::ip_in;
use super::scalar::ScalarFunction;
use super::table;
use super::text::FunctionText;

/// One value per row.
pub(super) const SCALARS: &[&ScalarFunction] = &[&ip_in::IP_IN];

/// What is told about the table functions.
pub(crate) fn table_functions() -> &'static [FunctionText] {
    table::FUNCTIONS
}

/// All of them.
pub(crate) fn texts() -> impl Iterator<Item = &'static FunctionText> {
    table::FUNCTIONS.iter().chain(SCALARS.iter().map(|function| &function.text))
}

/// What is told about the function of that name.
pub(crate) fn help_of(name: &str) -> Option<&'static FunctionText> {
    texts().find(|function| function.name == name)
}

#[cfg(test)]
mod tests {
    use datafusion::common::arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;
    use crate::{CancellationToken, Engine, QueryOptions};

    async fn first_value(engine: &Engine, call: &str) -> String {
        let outcome = engine.query(&format!("SELECT {call}"), QueryOptions::default(), CancellationToken::new()).await;
        let result = outcome.unwrap_or_else(|fault| panic!("{call}: {fault}"));
        let options = FormatOptions::default().with_null("NULL");
        let shown = ArrayFormatter::try_new(result.batches[0].column(0), &options).expect("a type that can be shown");
        shown.value(0).to_string()
    }

    #[tokio::test]
    async fn examples_are_true() {
        let engine = Engine::new().expect("an engine");
        for function in texts() {
            for example in function.examples {
                assert!(example.call.contains(function.name), "{}: {}", function.name, example.call);
                assert_eq!(first_value(&engine, example.call).await, example.result, "{}", example.call);
            }
        }
    }

    #[test]
    fn every_function_can_be_called_as_its_syntax_says() {
        let engine = Engine::new().expect("an engine");
        let known = engine.function_names();
        for function in texts() {
            assert!(known.contains(&function.name.to_string()), "{} is not registered", function.name);
            assert!(function.syntax.starts_with(&format!("{}(", function.name)), "{}", function.syntax);
            assert!(engine.function_help(function.name).is_some_and(|help| help.contains(function.description)));
        }
        for function in SCALARS {
            assert!(!function.text.examples.is_empty(), "{} has no example", function.text.name);
            for argument in function.arguments {
                assert!(function.text.syntax.contains(argument.name), "{}: {}", function.text.syntax, argument.name);
            }
        }
    }
}
