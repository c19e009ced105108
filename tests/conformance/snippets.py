"""What the conformance tests run, under the public suite's names for its snippets.

That suite picks snippets by `language_info.name` and so gives every Rust kernel evcxr's, which has neither displays
nor stdin. These are the same questions in our words.
"""

PRINT_HELLO = 'println!("hello");'
PRINT_STDERR = 'eprintln!("error");'

SIMPLE_EXPR = "1 + 1"
SIMPLE_EXPR_RESULT = "2"

COMPLETE_CODE = "let x = 1;"
INCOMPLETE_CODE = "fn foo("
SYNTAX_ERROR = "fn fn"

# The answer holds quotation marks, as in the suite: a kernel must hand it over as it is.
INPUT_PROMPT = 'flowdeck::input("Enter: ")?'
INPUT_ANSWER = '"test_input_42"'
INPUT_RESULT = r'"\"test_input_42\""'

SLEEP_CODE = 'println!("asleep");\nstd::thread::sleep(std::time::Duration::from_secs(600));'
SLEEP_MARKER = "asleep"

COMPLETION_SETUP = "let test_variable_for_completion = 42;"
COMPLETION_VAR = "test_variable_for_completion"
COMPLETION_PREFIX = "test_variable_for_"

DISPLAY_DATA_CODE = 'flowdeck::display_html("<b>bold</b>");'
UPDATE_DISPLAY_DATA_CODE = """\
let shown = flowdeck::display_html("<b>initial</b>");
flowdeck::update_display(&shown, flowdeck::Html("<b>✨ updated ✨</b>"));"""

RICH_EXECUTE_RESULT_CODE = r"""
pub struct Bold(pub &'static str);
impl Bold {
    pub fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\n<b>{}</b>\nEVCXR_END_CONTENT", self.0);
    }
}
Bold("bold")"""

# All that ipywidgets' front end sends when it makes a model: the one model that refers to no other, its keys in full.
WIDGET_VERSION = "2.1.0"
_UNSET = """
align_content align_items align_self border_bottom border_left border_right border_top bottom display flex flex_flow
grid_area grid_auto_columns grid_auto_flow grid_auto_rows grid_column grid_gap grid_row grid_template_areas
grid_template_columns grid_template_rows height justify_content justify_items left margin max_height max_width
min_height min_width object_fit object_position order overflow padding right top visibility
""".split()
WIDGET_STATE = {
    "_model_module": "@jupyter-widgets/base",
    "_model_module_version": "2.0.0",
    "_model_name": "LayoutModel",
    "_view_count": None,
    "_view_module": "@jupyter-widgets/base",
    "_view_module_version": "2.0.0",
    "_view_name": "LayoutView",
    **dict.fromkeys(_UNSET),
    "width": "50%",
}
