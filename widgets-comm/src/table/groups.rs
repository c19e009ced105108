//! The table's choices and groups: what several models share.
//!
//! A group is listed here only when every one of its attributes is the same in each model that has it, down to default
//! and help; what differs stays with the model.

#[doc(hidden)]
#[macro_export]
macro_rules! __widget_groups {
    ($consume:tt) => {
        $crate::__widget_models_first! {
            $consume
            choices {
                /// How lines are spread across the box.
                AlignContent {
                    FlexStart = "flex-start", FlexEnd = "flex-end", Center = "center",
                    SpaceBetween = "space-between", SpaceAround = "space-around", SpaceEvenly = "space-evenly",
                    Stretch = "stretch", Inherit = "inherit", Initial = "initial", Unset = "unset",
                }
                /// How children are placed across the box.
                AlignItems {
                    FlexStart = "flex-start", FlexEnd = "flex-end", Center = "center", Baseline = "baseline",
                    Stretch = "stretch", Inherit = "inherit", Initial = "initial", Unset = "unset",
                }
                /// How this child is placed across its box.
                AlignSelf {
                    Auto = "auto", FlexStart = "flex-start", FlexEnd = "flex-end", Center = "center",
                    Baseline = "baseline", Stretch = "stretch", Inherit = "inherit", Initial = "initial",
                    Unset = "unset",
                }
                /// The colour scheme of a box or bar.
                BoxStyling {
                    Success = "success", Info = "info", Warning = "warning", Danger = "danger", Plain = "",
                }
                /// The colour scheme of a button or tag.
                ButtonStyling {
                    Primary = "primary", Success = "success", Info = "info", Warning = "warning", Danger = "danger",
                    Plain = "",
                }
                /// How a grid fills itself.
                GridAutoFlow {
                    Column = "column", Row = "row", RowDense = "row dense", ColumnDense = "column dense",
                    Inherit = "inherit", Initial = "initial", Unset = "unset",
                }
                /// How children are spread along the box.
                JustifyContent {
                    FlexStart = "flex-start", FlexEnd = "flex-end", Center = "center",
                    SpaceBetween = "space-between", SpaceAround = "space-around", Inherit = "inherit",
                    Initial = "initial", Unset = "unset",
                }
                /// How children are placed in their cells.
                JustifyItems {
                    FlexStart = "flex-start", FlexEnd = "flex-end", Center = "center", Inherit = "inherit",
                    Initial = "initial", Unset = "unset",
                }
                /// How a picture fills its frame.
                ObjectFit {
                    Contain = "contain", Cover = "cover", Fill = "fill", ScaleDown = "scale-down", None = "none",
                }
                /// Along which axis a widget lies.
                Orientation { Horizontal = "horizontal", Vertical = "vertical" }
                /// How a slider follows the pointer.
                SliderBehavior {
                    DragTap = "drag-tap", DragSnap = "drag-snap", Tap = "tap", Drag = "drag", Snap = "snap",
                }
                /// Whether a widget is seen; it keeps its place.
                Visibility {
                    Visible = "visible", Hidden = "hidden", Inherit = "inherit", Initial = "initial",
                    Unset = "unset",
                }
            }
            groups {
                /// What every visible widget has.
                DomWidget {
                    _dom_classes: [string] = [], "CSS classes applied to widget DOM element";
                    layout: (widget Layout) = new, "";
                    tabbable: (optional bool) = none, "Is widget tabbable?";
                    tooltip: (optional string) = none, "A tooltip caption.";
                }
                /// A description beside the control.
                Described {
                    description: string = "", "Description of the control.";
                    description_allow_html: bool = false, "Accept HTML in the description.";
                }
                /// A style for the description only.
                DescriptionStyled {
                    style: (widget DescriptionStyle) = new, "Styling customizations";
                }
                /// Can be closed to the user.
                CanDisable {
                    disabled: bool = false, "Enable or disable user changes";
                }
                /// A value that is true or false.
                BoolValued {
                    value: bool = false, "Bool value";
                }
                /// A value that is an integer.
                IntValued {
                    value: int = 0, "Int value";
                }
                /// Integer bounds of the value.
                IntBounded {
                    max: int = 100, "Max value";
                    min: int = 0, "Min value";
                }
                /// A value that is a number.
                FloatValued {
                    value: float = 0.0, "Float value";
                }
                /// Bounds of the value.
                FloatBounded {
                    max: float = 100.0, "Max value";
                    min: float = 0.0, "Min value";
                }
                /// A number typed in.
                NumberTyped {
                    continuous_update: bool = false,
                        "Update the value as the user types. If False, update on submission, e.g., pressing Enter or navigating away.";
                }
                /// What all sliders share.
                SliderShaped {
                    behavior: (choice SliderBehavior) = "drag-tap", "Slider dragging behavior.";
                    orientation: (choice Orientation) = "horizontal", "Vertical or horizontal.";
                }
                /// Sliders that report while they are held.
                SliderLive {
                    continuous_update: bool = true, "Update the value of the widget as the user is holding the slider.";
                    style: (widget SliderStyle) = new, "";
                }
                /// A readout beside a slider of numbers.
                SliderReadout {
                    readout: bool = true, "Display the current value of the slider next to it.";
                }
                /// What both progress bars share.
                ProgressShaped {
                    orientation: (choice Orientation) = "horizontal", "Vertical or horizontal.";
                    style: (widget ProgressStyle) = new, "";
                }
                /// A value that is a string.
                StringValued {
                    placeholder: string = "\u{200b}", "Placeholder text to display when nothing has been typed";
                    value: string = "", "String value";
                }
                /// A text typed in.
                TextTyped {
                    continuous_update: bool = true,
                        "Update the value as the user types. If False, update on submission, e.g., pressing Enter or navigating away.";
                    style: (widget TextStyle) = new, "";
                }
                /// The labels to choose from. The front end may not change them.
                HasOptions {
                    _options_labels: [string] = [], "The labels for the options.";
                }
                /// At most one option is chosen.
                SingleChoice {
                    index: (optional int) = none, "Selected index";
                }
                /// What the four lists of tags share.
                TagList {
                    allow_duplicates: bool = true, "";
                    allowed_tags: (list any) = [], "";
                    placeholder: string = "\u{200b}", "";
                }
                /// A box of widgets.
                Container {
                    box_style: (choice BoxStyling) = "", "Use a predefined styling for the box.";
                    children: [(widget Widget)] = [], "List of widget children";
                }
                /// A container that shows its children as pages.
                Paged {
                    selected_index: (optional int) = none,
                        "The index of the selected page. This is either an integer selecting a particular sub-widget, or None to have no widgets selected.";
                    titles: [string] = [], "Titles of the pages";
                }
                /// Encoded bytes of an image, a sound or a film.
                MediaValued {
                    value: bytes = b"", "The media data as a memory view of bytes.";
                }
                /// The two attributes that a link in the front end ties together.
                LinkEnds {
                    source: link_end = [], "The source (widget, 'trait_name') pair";
                    target: link_end = [], "The target (widget, 'trait_name') pair";
                }
                /// The width of a description.
                DescriptionWidth {
                    description_width: string = "", "Width of the description to the side of the control.";
                }
                /// The look of a text.
                TextLook {
                    background: (optional string) = none, "Background specifications.";
                    font_size: (optional string) = none, "Text font size.";
                    text_color: (optional color) = none, "Text color";
                }
            }
        }
    };
}
