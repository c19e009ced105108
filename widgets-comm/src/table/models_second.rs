//! The table's models from FloatLogSlider to Output, and the call of the macro that consumes the whole table.

#[doc(hidden)]
#[macro_export]
macro_rules! __widget_models_second {
    ([$($consume:tt)+] choices $choices:tt groups $groups:tt $($first:tt)*) => {
        $($consume)+! {
            choices $choices
            groups $groups
            models {
                $($first)*
                /// A slider for one number on a logarithmic scale. Its bounds are exponents.
                FloatLogSlider = (controls "FloatLogSliderModel") (controls "FloatLogSliderView")
                    [DomWidget Described CanDisable SliderShaped SliderLive SliderReadout] {
                    base: float = 10.0, "Base for the logarithm";
                    max: float = 4.0, "Max value for the exponent";
                    min: float = 0.0, "Min value for the exponent";
                    readout_format: string = ".3g", "Format for the readout";
                    step: (optional float) = 0.1, "Minimum step in the exponent to increment the value";
                    value: float = 1.0, "Float value";
                }
                /// A progress bar.
                FloatProgress = (controls "FloatProgressModel") (controls "ProgressView")
                    [DomWidget Described FloatValued FloatBounded ProgressShaped] {
                    bar_style: (optional (choice BoxStyling)) = "", "Use a predefined styling for the progress bar.";
                }
                /// A slider for a range of numbers.
                FloatRangeSlider = (controls "FloatRangeSliderModel") (controls "FloatRangeSliderView")
                    [DomWidget Described CanDisable FloatBounded SliderShaped SliderReadout] {
                    continuous_update: bool = true, "Update the value of the widget as the user is sliding the slider.";
                    readout_format: string = ".2f", "Format for the readout";
                    step: (optional float) = 0.1, "Minimum step to increment the value";
                    style: (widget SliderStyle) = new, "";
                    value: (pair float) = [0.0, 1.0], "Tuple of (lower, upper) bounds";
                }
                /// A slider for one number.
                FloatSlider = (controls "FloatSliderModel") (controls "FloatSliderView")
                    [DomWidget Described CanDisable FloatValued FloatBounded SliderShaped SliderLive SliderReadout] {
                    readout_format: string = ".2f", "Format for the readout";
                    step: (optional float) = 0.1, "Minimum step to increment the value";
                }
                /// A number typed in.
                FloatText = (controls "FloatTextModel") (controls "FloatTextView")
                    [DomWidget Described DescriptionStyled CanDisable FloatValued NumberTyped] {
                    step: (optional float) = none, "Minimum step to increment the value";
                }
                /// A list of numbers.
                FloatsInput = (controls "FloatsInputModel") (controls "FloatsInputView")
                    [DomWidget Described DescriptionStyled TagList] {
                    format: string = ".1f", "";
                    max: (optional float) = none, "";
                    min: (optional float) = none, "";
                    tag_style: (choice ButtonStyling) = "", "Use a predefined styling for the tags.";
                    value: (list float) = [], "List of float tags";
                }
                /// Children in a grid.
                GridBox = (controls "GridBoxModel") (controls "GridBoxView") [DomWidget Container] {}
                /// Children side by side.
                HBox = (controls "HBoxModel") (controls "HBoxView") [DomWidget Container] {}
                /// HTML with mathematics.
                HTMLMath = (controls "HTMLMathModel") (controls "HTMLMathView") [DomWidget Described StringValued] {
                    style: (widget HTMLMathStyle) = new, "";
                }
                /// Look of an HTML text with mathematics.
                HTMLMathStyle = (controls "HTMLMathStyleModel") (base "StyleView") [DescriptionWidth TextLook] {}
                /// HTML as it is.
                HTML = (controls "HTMLModel") (controls "HTMLView") [DomWidget Described StringValued] {
                    style: (widget HTMLStyle) = new, "";
                }
                /// Look of an HTML text.
                HTMLStyle = (controls "HTMLStyleModel") (base "StyleView") [DescriptionWidth TextLook] {}
                /// A picture.
                Image = (controls "ImageModel") (controls "ImageView") [DomWidget MediaValued] {
                    format: string = "png", "The format of the image.";
                    height: string = "", "Height of the image in pixels. Use layout.height for styling the widget.";
                    width: string = "", "Width of the image in pixels. Use layout.width for styling the widget.";
                }
                /// A progress bar that counts.
                IntProgress = (controls "IntProgressModel") (controls "ProgressView")
                    [DomWidget Described IntValued IntBounded ProgressShaped] {
                    bar_style: (choice BoxStyling) = "", "Use a predefined styling for the progress bar.";
                }
                /// A slider for a range of integers.
                IntRangeSlider = (controls "IntRangeSliderModel") (controls "IntRangeSliderView")
                    [DomWidget Described CanDisable IntBounded SliderShaped SliderReadout] {
                    continuous_update: bool = true, "Update the value of the widget as the user is sliding the slider.";
                    readout_format: string = "d", "Format for the readout";
                    step: int = 1, "Minimum step that the value can take";
                    style: (widget SliderStyle) = new, "Slider style customizations.";
                    value: (pair int) = [0, 1], "Tuple of (lower, upper) bounds";
                }
                /// A slider for one integer.
                IntSlider = (controls "IntSliderModel") (controls "IntSliderView")
                    [DomWidget Described CanDisable IntValued IntBounded SliderShaped SliderLive SliderReadout] {
                    readout_format: string = "d", "Format for the readout";
                    step: int = 1, "Minimum step to increment the value";
                }
                /// An integer typed in.
                IntText = (controls "IntTextModel") (controls "IntTextView")
                    [DomWidget Described DescriptionStyled CanDisable IntValued NumberTyped] {
                    step: int = 1, "Minimum step to increment the value";
                }
                /// A list of integers.
                IntsInput = (controls "IntsInputModel") (controls "IntsInputView")
                    [DomWidget Described DescriptionStyled TagList] {
                    format: string = "d", "";
                    max: (optional int) = none, "";
                    min: (optional int) = none, "";
                    tag_style: (choice ButtonStyling) = "", "Use a predefined styling for the tags.";
                    value: (list int) = [], "List of int tags";
                }
                /// A text to read, with mathematics between dollar signs.
                Label = (controls "LabelModel") (controls "LabelView") [DomWidget Described StringValued] {
                    style: (widget LabelStyle) = new, "";
                }
                /// Look of a label.
                LabelStyle = (controls "LabelStyleModel") (base "StyleView") [DescriptionWidth TextLook] {
                    font_family: (optional string) = none, "Label text font family.";
                    font_style: (optional string) = none, "Label text font style.";
                    font_variant: (optional string) = none, "Label text font variant.";
                    font_weight: (optional string) = none, "Label text font weight.";
                    text_decoration: (optional string) = none, "Label text decoration.";
                }
                /// Keeps two attributes equal, in the front end.
                Link = (controls "LinkModel") (controls none) [LinkEnds] {}
                /// A date and time to choose, without a time zone.
                NaiveDatetimePicker = (controls "NaiveDatetimeModel") (controls "DatetimeView")
                    [DomWidget Described DescriptionStyled] {
                    disabled: bool = false, "Enable or disable user changes.";
                    max: (optional naive_datetime) = none, "";
                    min: (optional naive_datetime) = none, "";
                    value: (optional naive_datetime) = none, "";
                }
                /// A line of text that is not shown.
                Password = (controls "PasswordModel") (controls "PasswordView")
                    [DomWidget Described CanDisable StringValued TextTyped] {}
                /// Counts up by itself, for animations.
                Play = (controls "PlayModel") (controls "PlayView")
                    [DomWidget Described DescriptionStyled CanDisable IntValued IntBounded] {
                    interval: int = 100, "The time between two animation steps (ms).";
                    playing: bool = false, "Whether the control is currently playing.";
                    repeat: bool = false, "Whether the control will repeat in a continuous loop.";
                    show_repeat: bool = true, "Show the repeat toggle button in the widget.";
                    step: int = 1, "Increment step";
                }
                /// Look of a progress bar.
                ProgressStyle = (controls "ProgressStyleModel") (base "StyleView") [DescriptionWidth] {
                    bar_color: (optional color) = none, "Color of the progress bar.";
                }
                /// One of several options, all of them visible.
                RadioButtons = (controls "RadioButtonsModel") (controls "RadioButtonsView")
                    [DomWidget Described DescriptionStyled CanDisable HasOptions SingleChoice] {
                    orientation: (choice Orientation) = "vertical", "Vertical or horizontal.";
                }
                /// One of several options, in a list.
                Select = (controls "SelectModel") (controls "SelectView")
                    [DomWidget Described DescriptionStyled CanDisable HasOptions SingleChoice] {
                    rows: int = 5, "The number of rows to display.";
                }
                /// Any of several options, in a list.
                SelectMultiple = (controls "SelectMultipleModel") (controls "SelectMultipleView")
                    [DomWidget Described DescriptionStyled CanDisable HasOptions] {
                    index: [int] = [], "Selected indices";
                    rows: int = 5, "The number of rows to display.";
                }
                /// A slider for a range of options.
                SelectionRangeSlider = (controls "SelectionRangeSliderModel") (controls "SelectionRangeSliderView")
                    [DomWidget Described CanDisable SliderShaped SliderLive HasOptions] {
                    index: (pair int) = [0, 0], "Min and max selected indices";
                    readout: bool = true, "Display the current selected label next to the slider";
                }
                /// A slider for one of several options.
                SelectionSlider = (controls "SelectionSliderModel") (controls "SelectionSliderView")
                    [DomWidget Described CanDisable SliderShaped SliderLive HasOptions] {
                    index: int = 0, "Selected index";
                    readout: bool = true, "Display the current selected label next to the slider";
                }
                /// Look of a slider.
                SliderStyle = (controls "SliderStyleModel") (base "StyleView") [DescriptionWidth] {
                    handle_color: (optional color) = none, "Color of the slider handle.";
                }
                /// Shows one of its children.
                Stack = (controls "StackModel") (controls "StackView") [DomWidget Container Paged] {}
                /// Children on pages with tabs.
                Tab = (controls "TabModel") (controls "TabView") [DomWidget Container Paged] {}
                /// A list of tags.
                TagsInput = (controls "TagsInputModel") (controls "TagsInputView")
                    [DomWidget Described DescriptionStyled TagList] {
                    tag_style: (choice ButtonStyling) = "", "Use a predefined styling for the tags.";
                    value: (list string) = [], "List of string tags";
                }
                /// A line of text.
                Text = (controls "TextModel") (controls "TextView")
                    [DomWidget Described CanDisable StringValued TextTyped] {}
                /// Look of a text input.
                TextStyle = (controls "TextStyleModel") (base "StyleView") [DescriptionWidth TextLook] {}
                /// Several lines of text.
                Textarea = (controls "TextareaModel") (controls "TextareaView")
                    [DomWidget Described CanDisable StringValued TextTyped] {
                    rows: (optional int) = none, "The number of rows to display.";
                }
                /// A time of day to choose.
                TimePicker = (controls "TimeModel") (controls "TimeView") [DomWidget Described DescriptionStyled] {
                    disabled: bool = false, "Enable or disable user changes.";
                    max: (optional time) = none, "";
                    min: (optional time) = none, "";
                    step: (or_any float) = 60, "The time step to use for the picker, in seconds, or \"any\".";
                    value: (optional time) = none, "";
                }
                /// A button that stays pressed.
                ToggleButton = (controls "ToggleButtonModel") (controls "ToggleButtonView")
                    [DomWidget Described BoolValued] {
                    button_style: (choice ButtonStyling) = "", "Use a predefined styling for the button.";
                    disabled: bool = false, "Enable or disable user changes.";
                    icon: string = "", "Font-awesome icon.";
                    style: (widget ToggleButtonStyle) = new, "Styling customizations";
                }
                /// Look of a toggle button.
                ToggleButtonStyle = (controls "ToggleButtonStyleModel") (base "StyleView") [DescriptionWidth] {
                    font_family: (optional string) = none, "Toggle button text font family.";
                    font_size: (optional string) = none, "Toggle button text font size.";
                    font_style: (optional string) = none, "Toggle button text font style.";
                    font_variant: (optional string) = none, "Toggle button text font variant.";
                    font_weight: (optional string) = none, "Toggle button text font weight.";
                    text_color: (optional color) = none, "Toggle button text color";
                    text_decoration: (optional string) = none, "Toggle button text decoration.";
                }
                /// One of several options, as buttons.
                ToggleButtons = (controls "ToggleButtonsModel") (controls "ToggleButtonsView")
                    [DomWidget Described CanDisable HasOptions SingleChoice] {
                    button_style: (optional (choice ButtonStyling)) = "", "Use a predefined styling for the buttons.";
                    icons: [string] = [], "Icons names for each button (FontAwesome names without the fa- prefix).";
                    style: (widget ToggleButtonsStyle) = new, "";
                    tooltips: [string] = [], "Tooltips for each button.";
                }
                /// Look of a row of toggle buttons.
                ToggleButtonsStyle = (controls "ToggleButtonsStyleModel") (base "StyleView") [DescriptionWidth] {
                    button_width: string = "", "The width of each button.";
                    font_weight: string = "", "Text font weight of each button.";
                }
                /// Children one below the other.
                VBox = (controls "VBoxModel") (controls "VBoxView") [DomWidget Container] {}
                /// Shows whether something is valid.
                Valid = (controls "ValidModel") (controls "ValidView")
                    [DomWidget Described DescriptionStyled BoolValued] {
                    disabled: bool = false, "Enable or disable user changes.";
                    readout: string = "Invalid", "Message displayed when the value is False";
                }
                /// A film with the browser's player.
                Video = (controls "VideoModel") (controls "VideoView") [DomWidget MediaValued] {
                    autoplay: bool = true, "When true, the video starts when it's displayed";
                    controls: bool = true,
                        "Specifies that video controls should be displayed (such as a play/pause button etc)";
                    format: string = "mp4", "The format of the video.";
                    height: string = "", "Height of the video in pixels.";
                    r#loop: bool = true, "When true, the video will start from the beginning after finishing";
                    width: string = "", "Width of the video in pixels.";
                }
                /// An area that shows the output of code.
                Output = (output "OutputModel") (output "OutputView") [DomWidget] {
                    msg_id: string = "", "Parent message id of messages to capture";
                    outputs: [object] = [], "The output messages synced from the frontend.";
                }
            }
        }
    };
}
