//! The table's models from Layout to FileUpload, in the order of the published specification.

#[doc(hidden)]
#[macro_export]
macro_rules! __widget_models_first {
    ($consume:tt choices $choices:tt groups $groups:tt) => {
        $crate::__widget_models_second! {
            $consume
            choices $choices
            groups $groups
            /// Size and place of a widget, in CSS.
            Layout = (base "LayoutModel") (base "LayoutView") [] {
                align_content: (optional (choice AlignContent)) = none, "The align-content CSS attribute.";
                align_items: (optional (choice AlignItems)) = none, "The align-items CSS attribute.";
                align_self: (optional (choice AlignSelf)) = none, "The align-self CSS attribute.";
                border_bottom: (optional string) = none, "The border bottom CSS attribute.";
                border_left: (optional string) = none, "The border left CSS attribute.";
                border_right: (optional string) = none, "The border right CSS attribute.";
                border_top: (optional string) = none, "The border top CSS attribute.";
                bottom: (optional string) = none, "The bottom CSS attribute.";
                display: (optional string) = none, "The display CSS attribute.";
                flex: (optional string) = none, "The flex CSS attribute.";
                flex_flow: (optional string) = none, "The flex-flow CSS attribute.";
                grid_area: (optional string) = none, "The grid-area CSS attribute.";
                grid_auto_columns: (optional string) = none, "The grid-auto-columns CSS attribute.";
                grid_auto_flow: (optional (choice GridAutoFlow)) = none, "The grid-auto-flow CSS attribute.";
                grid_auto_rows: (optional string) = none, "The grid-auto-rows CSS attribute.";
                grid_column: (optional string) = none, "The grid-column CSS attribute.";
                grid_gap: (optional string) = none, "The grid-gap CSS attribute.";
                grid_row: (optional string) = none, "The grid-row CSS attribute.";
                grid_template_areas: (optional string) = none, "The grid-template-areas CSS attribute.";
                grid_template_columns: (optional string) = none, "The grid-template-columns CSS attribute.";
                grid_template_rows: (optional string) = none, "The grid-template-rows CSS attribute.";
                height: (optional string) = none, "The height CSS attribute.";
                justify_content: (optional (choice JustifyContent)) = none, "The justify-content CSS attribute.";
                justify_items: (optional (choice JustifyItems)) = none, "The justify-items CSS attribute.";
                left: (optional string) = none, "The left CSS attribute.";
                margin: (optional string) = none, "The margin CSS attribute.";
                max_height: (optional string) = none, "The max-height CSS attribute.";
                max_width: (optional string) = none, "The max-width CSS attribute.";
                min_height: (optional string) = none, "The min-height CSS attribute.";
                min_width: (optional string) = none, "The min-width CSS attribute.";
                object_fit: (optional (choice ObjectFit)) = none, "The object-fit CSS attribute.";
                object_position: (optional string) = none, "The object-position CSS attribute.";
                order: (optional string) = none, "The order CSS attribute.";
                overflow: (optional string) = none, "The overflow CSS attribute.";
                padding: (optional string) = none, "The padding CSS attribute.";
                right: (optional string) = none, "The right CSS attribute.";
                top: (optional string) = none, "The top CSS attribute.";
                visibility: (optional (choice Visibility)) = none, "The visibility CSS attribute.";
                width: (optional string) = none, "The width CSS attribute.";
            }
            /// Children on pages of an accordion, one open at a time.
            Accordion = (controls "AccordionModel") (controls "AccordionView") [DomWidget Container Paged] {}
            /// A sound with the browser's player.
            Audio = (controls "AudioModel") (controls "AudioView") [DomWidget MediaValued] {
                autoplay: bool = true, "When true, the audio starts when it's displayed";
                controls: bool = true,
                    "Specifies that audio controls should be displayed (such as a play/pause button etc)";
                format: string = "mp3", "The format of the audio.";
                r#loop: bool = true, "When true, the audio will start from the beginning after finishing";
            }
            /// A number typed in, kept between bounds.
            BoundedFloatText = (controls "BoundedFloatTextModel") (controls "FloatTextView")
                [DomWidget Described DescriptionStyled CanDisable FloatValued FloatBounded NumberTyped] {
                step: (optional float) = none, "Minimum step to increment the value";
            }
            /// An integer typed in, kept between bounds.
            BoundedIntText = (controls "BoundedIntTextModel") (controls "IntTextView")
                [DomWidget Described DescriptionStyled CanDisable IntValued IntBounded NumberTyped] {
                step: int = 1, "Minimum step to increment the value";
            }
            /// Children side by side.
            Box = (controls "BoxModel") (controls "BoxView") [DomWidget Container] {}
            /// A button to click.
            Button = (controls "ButtonModel") (controls "ButtonView") [DomWidget] {
                button_style: (choice ButtonStyling) = "", "Use a predefined styling for the button.";
                description: string = "", "Button label.";
                disabled: bool = false, "Enable or disable user changes.";
                icon: string = "", "Font-awesome icon names, without the 'fa-' prefix.";
                style: (widget ButtonStyle) = new, "";
            }
            /// Colour and font of a button.
            ButtonStyle = (controls "ButtonStyleModel") (base "StyleView") [] {
                button_color: (optional color) = none, "Color of the button";
                font_family: (optional string) = none, "Button text font family.";
                font_size: (optional string) = none, "Button text font size.";
                font_style: (optional string) = none, "Button text font style.";
                font_variant: (optional string) = none, "Button text font variant.";
                font_weight: (optional string) = none, "Button text font weight.";
                text_color: (optional color) = none, "Button text color.";
                text_decoration: (optional string) = none, "Button text decoration.";
            }
            /// A box to tick.
            Checkbox = (controls "CheckboxModel") (controls "CheckboxView") [DomWidget Described BoolValued] {
                disabled: bool = false, "Enable or disable user changes.";
                indent: bool = true, "Indent the control to align with other controls with a description.";
                style: (widget CheckboxStyle) = new, "Styling customizations";
            }
            /// Look of a checkbox.
            CheckboxStyle = (controls "CheckboxStyleModel") (base "StyleView") [DescriptionWidth] {
                background: (optional string) = none, "Background specifications.";
            }
            /// A colour to choose.
            ColorPicker = (controls "ColorPickerModel") (controls "ColorPickerView")
                [DomWidget Described DescriptionStyled] {
                concise: bool = false, "Display short version with just a color selector.";
                disabled: bool = false, "Enable or disable user changes.";
                value: color = "black", "The color value.";
            }
            /// A list of colours.
            ColorsInput = (controls "ColorsInputModel") (controls "ColorsInputView")
                [DomWidget Described DescriptionStyled TagList] {
                value: (list color) = [], "List of string tags";
            }
            /// A line of text with suggestions.
            Combobox = (controls "ComboboxModel") (controls "ComboboxView")
                [DomWidget Described CanDisable StringValued TextTyped] {
                ensure_option: bool = false, "If set, ensure value is in options. Implies continuous_update=False.";
                options: [string] = [], "Dropdown options for the combobox";
            }
            /// One axis of a game controller. The front end creates it.
            ControllerAxis = (controls "ControllerAxisModel") (controls "ControllerAxisView") [DomWidget] {
                value: float = 0.0, "The value of the axis.";
            }
            /// One button of a game controller. The front end creates it.
            ControllerButton = (controls "ControllerButtonModel") (controls "ControllerButtonView") [DomWidget] {
                pressed: bool = false, "Whether the button is pressed.";
                value: float = 0.0, "The value of the button.";
            }
            /// A game controller.
            Controller = (controls "ControllerModel") (controls "ControllerView") [DomWidget] {
                axes: [(widget ControllerAxis)] = [], "The axes on the gamepad.";
                buttons: [(widget ControllerButton)] = [], "The buttons on the gamepad.";
                connected: bool = false, "Whether the gamepad is connected.";
                index: int = 0, "The id number of the controller.";
                mapping: string = "", "The name of the control mapping.";
                name: string = "", "The name of the controller.";
                timestamp: float = 0.0, "The last time the data from this gamepad was updated.";
            }
            /// The base of media widgets. It has no view of its own.
            MediaBase = (controls "DOMWidgetModel") (controls none) [DomWidget MediaValued] {}
            /// A date to choose.
            DatePicker = (controls "DatePickerModel") (controls "DatePickerView")
                [DomWidget Described DescriptionStyled] {
                disabled: bool = false, "Enable or disable user changes.";
                max: (optional date) = none, "";
                min: (optional date) = none, "";
                step: (or_any int) = 1, "The date step to use for the picker, in days, or \"any\".";
                value: (optional date) = none, "";
            }
            /// A date and time to choose, with a time zone: UTC on the wire.
            DatetimePicker = (controls "DatetimeModel") (controls "DatetimeView")
                [DomWidget Described DescriptionStyled] {
                disabled: bool = false, "Enable or disable user changes.";
                max: (optional datetime) = none, "";
                min: (optional datetime) = none, "";
                value: (optional datetime) = none, "";
            }
            /// The style of a description.
            DescriptionStyle = (controls "DescriptionStyleModel") (base "StyleView") [DescriptionWidth] {}
            /// Copies one attribute to another, in the front end, one way.
            DirectionalLink = (controls "DirectionalLinkModel") (controls none) [LinkEnds] {}
            /// One of several options, in a drop-down list.
            Dropdown = (controls "DropdownModel") (controls "DropdownView")
                [DomWidget Described DescriptionStyled CanDisable HasOptions SingleChoice] {}
            /// Files from the user's disk.
            FileUpload = (controls "FileUploadModel") (controls "FileUploadView") [DomWidget Described] {
                accept: string = "", "File types to accept, empty string for all";
                button_style: (choice ButtonStyling) = "", "Use a predefined styling for the button.";
                disabled: bool = false, "Enable or disable button";
                error: string = "", "Error message";
                icon: string = "upload", "Font-awesome icon name, without the 'fa-' prefix.";
                multiple: bool = false, "If True, allow for multiple files upload";
                style: (widget ButtonStyle) = new, "";
                value: [object] = [], "The file upload value";
            }
        }
    };
}
