//! Forms: inputs that an author writes down in TOML, and queries that run when they are used.
//!
//! `definition` reads the text, `choices` looks up options, `view` chooses widgets, `value` reads what was entered, `given` what
//! comes from elsewhere than a person, `moment` understands times, `exact` keeps those that no picker can say, `live` runs queries at a click or a change. The state of fields
//! is that of their widgets, see [`crate::widgets`].

pub mod choices;
pub mod definition;
mod exact;
pub mod given;
pub mod live;
pub(crate) mod moment;
mod value;
mod view;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use flow_engine::Parameter;
use flowdeck::chrono::{SubsecRound, Utc};
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use widgets_comm::{
    WidgetError,
    buffers::{State, StateValue},
    registry::Event,
};

use self::{
    definition::{Field, Kind},
    exact::ExactMoments,
};
use crate::{
    engine,
    report::Report,
    widgets::{Widgets, new_id},
};

/// Colours of what is said beside a field: a remark, and what is wrong.
const NOTE: &str = "#7a5c00";
const FAULT: &str = "#b00020";

/// The forms of this kernel. A field's name is known in all cells; the form that was run last has it.
pub struct Forms {
    widgets: Arc<Widgets>,
    fields: Mutex<BTreeMap<String, Arc<Live>>>,
    /// The widgets that each form cell shows, by the cell's key: they go when it is run again.
    shown: Mutex<BTreeMap<String, Vec<String>>>,
    /// Counts changes of any field.
    changes: watch::Sender<u64>,
    /// Values that stand for what the author wrote as default, by the name of the field.
    given: Mutex<Map<String, Value>>,
    exact: ExactMoments,
}

/// A field that is shown.
struct Live {
    field: Field,
    widget: String,
    /// The HTML widget below it that says what is wrong.
    message: String,
    /// What is said about its options, when there are none.
    note: Option<String>,
    /// What the author's default was, to tell what a person entered from it.
    initial: StateValue,
}

/// What is wrong with a field, for the person who fills it in.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// The field's label.
    pub label: String,
    /// What is wrong.
    pub fact: String,
}

impl Forms {
    /// No forms yet.
    pub fn new(widgets: Arc<Widgets>) -> Forms {
        let (changes, _) = watch::channel(0);
        Forms {
            widgets,
            fields: Mutex::default(),
            shown: Mutex::default(),
            changes,
            given: Mutex::default(),
            exact: ExactMoments::default(),
        }
    }

    /// Shows a form. `key` names its cell: run again, it replaces what it showed and keeps what was entered.
    ///
    /// # Errors
    /// A report for the author when the text is wrong.
    pub async fn show(self: &Arc<Self>, cause: &Header, key: &str, text: &str) -> Result<MimeBundle, Report> {
        let fields = definition::parse(text)?;
        let mut form = Build { forms: self, cause, widgets: Vec::new(), rows: Vec::new(), buttons: Vec::new() };
        for field in fields {
            form.field(field).await?;
        }
        let root = form.root().await.map_err(refused)?;
        let earlier = lock(&self.shown).insert(key.to_owned(), form.widgets);
        for widget in earlier.into_iter().flatten() {
            // A front end may have closed it.
            let _ = self.widgets.close(cause, &widget).await;
        }
        self.widgets.view(&root).await.ok_or_else(|| Report::internal("the form is gone"))
    }

    /// What a person entered in the field of the same name and kind, if it is not the default.
    async fn entered(&self, field: &Field) -> Option<StateValue> {
        let live = self.live(&field.name).filter(|live| live.field.kind == field.kind)?;
        let value = self.widgets.get(&live.widget, view::value_attribute(&field.kind)).await?;
        (value != live.initial).then_some(value)
    }

    /// Gives fields values in the place of their defaults: those that are shown now, and those of forms to come.
    ///
    /// # Errors
    /// What is wrong with the value of a field that is shown. Of a form to come it is an error of its cell.
    pub async fn give(&self, cause: &Header, values: Map<String, Value>) -> Result<(), Report> {
        for (name, value) in &values {
            if let Some(live) = self.live(name) {
                let value = self.taken(&live.field, value)?;
                let attribute = view::value_attribute(&live.field.kind);
                self.widgets.set(cause, &live.widget, attribute, value).await.map_err(refused)?;
            }
        }
        self.widgets.flush().await;
        lock(&self.given).extend(values);
        Ok(())
    }

    /// The values of the fields that a query mentions, or what is wrong with them. Says it beside the fields too.
    pub async fn parameters(&self, cause: &Header, query: &str) -> Result<Vec<(String, Parameter)>, Vec<Wrong>> {
        let mut parameters = Vec::new();
        let mut wrong = Vec::new();
        let fields: Vec<Arc<Live>> = self.fields().values().cloned().collect();
        for live in fields.iter().filter(|live| is_mentioned(&live.field.name, query)) {
            match self.check(cause, live).await {
                Ok(parameter) => parameters.push((live.field.name.clone(), parameter)),
                Err(fact) => wrong.push(Wrong { label: live.field.label.clone(), fact }),
            }
        }
        if wrong.is_empty() { Ok(parameters) } else { Err(wrong) }
    }

    /// What is entered in one field, as JSON for a Rust cell; of a file the widget that has it.
    ///
    /// # Errors
    /// What is wrong with it, or that there is no such field.
    pub async fn value(&self, cause: &Header, name: &str) -> Result<Value, Report> {
        let live = self.live(name);
        let live = live.ok_or_else(|| Report::new("FormError", format!("there is no field `{name}` any more")))?;
        let wrong = |fact| Report::new("FormError", format!("{}: {fact}", live.field.label));
        if live.field.kind == Kind::File {
            return Ok(json!({"widget": live.widget}));
        }
        self.check(cause, &live).await.map_err(wrong).map(|parameter| as_json(&parameter))
    }

    /// The variable `form` for Rust cells: the fields there are, with the types of their values. `None` without fields.
    pub fn as_rust(&self) -> Option<String> {
        let fields = self.fields();
        let typed = || fields.values().filter_map(|live| Some((&live.field.name, rust_type(&live.field.kind)?)));
        typed().next()?;
        let declared: String = typed().map(|(name, kind)| format!("pub r#{name}: flowdeck::Field<{kind}>, ")).collect();
        let made: String = typed().map(|(name, _)| format!("r#{name}: flowdeck::Field::named({name:?}), ")).collect();
        Some(format!(
            "#[derive(Clone, Debug)] pub struct FlowdeckForm {{ {declared} }}\n\
             let form: FlowdeckForm = FlowdeckForm {{ {made} }};"
        ))
    }

    /// The widget of a button.
    ///
    /// # Errors
    /// A report when there is no such button.
    pub fn button(&self, name: &str) -> Result<String, Report> {
        let fields = self.fields();
        let buttons: Vec<&str> = fields
            .values()
            .filter(|live| live.field.kind == Kind::Button)
            .map(|live| live.field.name.as_str())
            .collect();
        match fields.get(name).filter(|live| live.field.kind == Kind::Button) {
            Some(live) => Ok(live.widget.clone()),
            None => Err(Report::new("FormError", format!("there is no button `{name}`")).with_hint(
                match buttons.is_empty() {
                    true => "run the %%form cell that has it first".to_owned(),
                    false => format!("buttons are {}", buttons.join(", ")),
                },
            )),
        }
    }

    /// The table that a button waits for, while it is not there.
    pub async fn waits_for(&self, button: &str) -> Option<String> {
        let needs = self.live(button)?.field.needs.clone()?;
        (!has_table(&needs).await).then_some(needs)
    }

    /// Values without those that people type unseen.
    pub fn without_secrets(&self, parameters: &[(String, Parameter)]) -> Vec<(String, Parameter)> {
        let is_secret = |name: &str| self.live(name).is_some_and(|live| live.field.kind == Kind::Password);
        parameters.iter().filter(|(name, _)| !is_secret(name)).cloned().collect()
    }

    /// What a field is called by people; `None` when there is none of this name.
    pub fn label(&self, name: &str) -> Option<String> {
        self.live(name).map(|live| live.field.label.clone())
    }

    /// Puts a value, as it is shown in a table, into a field: as if a person had entered it.
    ///
    /// # Errors
    /// Why that is not possible, for the person who asked for it.
    pub async fn fill(&self, cause: &Header, name: &str, text: &str) -> Result<(), String> {
        let live = self.live(name).ok_or_else(|| format!("There is no field `{name}` any more"))?;
        let unfit = || format!("`{text}` does not fit into {}", live.field.label);
        let value = match &live.field.kind {
            Kind::Text | Kind::IpList => Value::from(text),
            Kind::Int { .. } => whole_number(text).ok_or_else(unfit)?.into(),
            Kind::Float { .. } => text.parse::<f64>().map_err(|_| unfit())?.into(),
            Kind::Bool => text.parse::<bool>().map_err(|_| unfit())?.into(),
            Kind::Choice(options) => options.iter().position(|option| option == text).ok_or_else(unfit)?.into(),
            Kind::Datetime => {
                let moment = moment::parse(text, Utc::now()).map_err(|_| unfit())?;
                self.exact.remember(name, moment.trunc_subsecs(0))
            }
            Kind::Date => {
                view::date_json(moment::to_local(moment::parse(text, Utc::now()).map_err(|_| unfit())?).date())
            }
            _ => return Err(format!("{} cannot be filled in so", live.field.label)),
        };
        let attribute = view::value_attribute(&live.field.kind);
        self.widgets.set(cause, &live.widget, attribute, value).await.map_err(|error| error.to_string())?;
        self.widgets.flush().await;
        Ok(())
    }

    /// A table is there now: buttons that need it can be pressed.
    pub async fn table_is_there(&self, cause: &Header, table: &str) {
        let needing: Vec<String> = {
            let fields = self.fields();
            let needing = fields.values().filter(|live| live.field.needs.as_deref() == Some(table));
            needing.map(|live| live.widget.clone()).collect()
        };
        for button in needing {
            if let Err(error) = self.widgets.set(cause, &button, "disabled", false).await {
                tracing::info!(%error, "a button of a form is gone");
            }
        }
    }

    /// Told of every change of a field that a query mentions.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The widgets of the fields that a query mentions.
    pub fn mentioned(&self, query: &str) -> Vec<String> {
        let fields = self.fields();
        fields.values().filter(|live| is_mentioned(&live.field.name, query)).map(|live| live.widget.clone()).collect()
    }

    /// Reads a field and says beside it what is wrong.
    async fn check(&self, cause: &Header, live: &Live) -> Result<Parameter, String> {
        let mut state = BTreeMap::new();
        for name in ["value", "index"] {
            if let Some(value) = self.widgets.get(&live.widget, name).await {
                state.insert(name, value.json().clone());
            }
        }
        let entered = self.read(&live.field, &|name| state.get(name).cloned().unwrap_or_default());
        let message = match &entered {
            Ok(entered) => entered.note.as_ref().or(live.note.as_ref()).map(|note| said(NOTE, note)),
            Err(fact) => Some(said(FAULT, fact)),
        };
        if let Err(error) = self.widgets.set(cause, &live.message, "value", message.unwrap_or_default()).await {
            tracing::info!(%error, "a form's message is gone");
        }
        entered.map(|entered| entered.parameter)
    }

    fn live(&self, name: &str) -> Option<Arc<Live>> {
        self.fields().get(name).cloned()
    }

    fn fields(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Live>>> {
        lock(&self.fields)
    }
}

/// A form under construction.
struct Build<'a> {
    forms: &'a Arc<Forms>,
    cause: &'a Header,
    /// All models, in the order in which they were opened.
    widgets: Vec<String>,
    rows: Vec<String>,
    /// Buttons that stand side by side.
    buttons: Vec<String>,
}

impl Build<'_> {
    async fn field(&mut self, mut field: Field) -> Result<(), Report> {
        let note = self.forms.look_up(&mut field).await;
        let kept = self.forms.entered(&field).await;
        let wrong = |fact: String| Report::new("FormError", format!("field `{}`: {fact}", field.name));
        let view::Input { model, state } = view::input(&field).map_err(wrong)?;
        let mut state = state
            .with("layout", reference(&self.open("LayoutModel", view::layout(&field.kind)).await.map_err(refused)?));
        if let Some((model, style)) = view::style(&field.kind) {
            state = state.with("style", reference(&self.open(model, style).await.map_err(refused)?));
        }
        let widget = self.open(model, state).await.map_err(refused)?;
        if let Some(table) = &field.needs
            && !has_table(table).await
        {
            self.forms.widgets.set(self.cause, &widget, "disabled", true).await.map_err(refused)?;
        }
        let attribute = view::value_attribute(&field.kind);
        let given = lock(&self.forms.given).get(&field.name).cloned();
        let initial = self.forms.widgets.get(&widget, attribute).await.unwrap_or_else(|| Value::Null.into());
        if let Some(kept) = kept {
            let mut state = State::new();
            state.set(attribute, kept);
            // What no longer fits, for instance an option that is gone, is the default again.
            let _ = self.forms.widgets.update(self.cause, &widget, state).await;
        } else if let Some(given) = given {
            let value = self.forms.taken(&field, &given)?;
            self.forms.widgets.set(self.cause, &widget, attribute, value).await.map_err(refused)?;
        } else if let Some(moment) = view::default_moment(&field) {
            self.forms.exact.remember(&field.name, moment.trunc_subsecs(0));
        }
        let said = note.as_deref().map_or_else(State::new, |note| State::new().with("value", said(NOTE, note)));
        let message = self.open("HTMLModel", said).await.map_err(refused)?;
        if field.kind == Kind::Button {
            self.buttons.push(widget.clone());
        } else {
            self.end_buttons().await.map_err(refused)?;
            let row = [reference(&widget), reference(&message)];
            let row = self.open("HBoxModel", State::new().with("children", json!(row))).await.map_err(refused)?;
            self.rows.push(row);
        }
        let live = Arc::new(Live { field, widget: widget.clone(), message, note, initial });
        self.forms.fields().insert(live.field.name.clone(), live.clone());
        self.forms.listen(live);
        Ok(())
    }

    async fn end_buttons(&mut self) -> Result<(), WidgetError> {
        if !self.buttons.is_empty() {
            let buttons: Vec<String> = self.buttons.drain(..).map(|button| reference(&button)).collect();
            let row = self.open("HBoxModel", State::new().with("children", json!(buttons))).await?;
            self.rows.push(row);
        }
        Ok(())
    }

    async fn root(&mut self) -> Result<String, WidgetError> {
        self.end_buttons().await?;
        let rows: Vec<String> = self.rows.iter().map(|row| reference(row)).collect();
        self.open("VBoxModel", State::new().with("children", json!(rows))).await
    }

    async fn open(&mut self, model: &str, state: State) -> Result<String, WidgetError> {
        let id = new_id();
        self.forms.widgets.open(self.cause, &id, model, state).await?;
        self.widgets.push(id.clone());
        Ok(id)
    }
}

impl Forms {
    /// Checks a field whenever a person changes it.
    fn listen(self: &Arc<Self>, live: Arc<Live>) {
        let (forms, attribute) = (self.clone(), view::value_attribute(&live.field.kind));
        let (widget, name) = (live.widget.clone(), live.field.name.clone());
        let own = widget.clone();
        let hears = move |event: &Event, cause: &Header| {
            if matches!(event, Event::Changed { name, .. } if name == attribute) {
                let (forms, name, own, cause) = (forms.clone(), name.clone(), own.clone(), cause.clone());
                tokio::spawn(async move {
                    // Its options may be others by now.
                    let Some(live) = forms.live(&name).filter(|live| live.widget == own) else { return };
                    // What is wrong is said beside the field.
                    let _ = forms.check(&cause, &live).await;
                    forms.renew_channels(&cause, &name).await;
                    forms.changes.send_modify(|count| *count += 1);
                });
            }
        };
        self.widgets.listen(&widget, Arc::new(hears));
    }
}

fn unfit(field: &str, fact: &str) -> Report {
    Report::new("FormError", format!("field `{field}`: {fact}"))
}

async fn has_table(table: &str) -> bool {
    match engine::ready().await {
        Ok(room) => room.engine.table_names().iter().any(|name| name == table),
        Err(_) => false,
    }
}

/// The type of a field's values in Rust cells; a button has none.
fn rust_type(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Text | Kind::Password | Kind::IpList => "String",
        Kind::Int { .. } => "i64",
        Kind::Float { .. } => "f64",
        Kind::Bool => "bool",
        Kind::Choice(_) => "Option<String>",
        Kind::File => "Option<flowdeck::widgets::UploadedFile>",
        Kind::Multi(_) => "Vec<String>",
        Kind::Date => "Option<flowdeck::chrono::NaiveDate>",
        Kind::Time => "Option<flowdeck::chrono::NaiveTime>",
        Kind::Datetime => "Option<flowdeck::chrono::DateTime<flowdeck::chrono::Utc>>",
        Kind::Duration => "Option<flowdeck::chrono::TimeDelta>",
        Kind::Button => return None,
    })
}

/// A value as JSON, for Rust cells.
fn as_json(parameter: &Parameter) -> Value {
    match parameter {
        Parameter::Text(text) => json!(text),
        Parameter::Integer(value) => json!(value),
        Parameter::Float(value) => json!(value),
        Parameter::Boolean(value) => json!(value),
        Parameter::Date(value) => json!(value.map(|value| value.to_string())),
        Parameter::Time(value) => json!(value.map(|value| value.to_string())),
        Parameter::Timestamp(value) => json!(value.map(|value| value.to_rfc3339())),
        Parameter::Interval(value) => json!(value.map(|value| value.num_milliseconds())),
        Parameter::TextList(values) => json!(values),
        Parameter::IntegerList(values) => json!(values),
    }
}

/// Whether `$name` stands in a query. May find it in a comment too, which asks for one value too many.
pub(crate) fn is_mentioned(name: &str, query: &str) -> bool {
    query.match_indices('$').any(|(place, _)| {
        let rest = &query[place + 1..];
        rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

fn reference(id: &str) -> String {
    widgets_comm::message::reference(id)
}

fn refused(error: WidgetError) -> Report {
    Report::internal(format!("a widget of the form: {error}"))
}

/// A message beside a field. What was entered is escaped: it may have come from anywhere.
fn said(colour: &str, text: &str) -> String {
    format!("<span style=\"color: {colour}\">{}</span>", html_escape::encode_text(text))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A whole number; the end of a range in a plot may lie between two.
fn whole_number(text: &str) -> Option<i64> {
    let rounded = || text.parse::<f64>().ok().map(f64::round).filter(|number| number.abs() < 9e15);
    text.parse().ok().or_else(|| rounded().map(|number| number as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        assert!(is_mentioned("src", "SELECT * FROM flows WHERE ip_in(src_ip, $src)"));
        assert!(is_mentioned("src", "$src"));
        assert!(!is_mentioned("src", "SELECT $src_ip, $sr, src"));
    }

    #[test]
    fn what_was_entered_is_escaped() {
        assert!(said("red", "`<img onerror=x>` is no address").contains("&lt;img"));
    }
}
