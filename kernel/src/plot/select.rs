//! Plots in which a person selects: a range along the horizontal axis, or one of the groups. What is selected goes into
//! fields of a form, or filters a table.
//!
//! Vega draws in the page and has no line to the kernel; an anywidget model below the plot has one. A patch of the compiled
//! spec, which vega-embed applies, binds a signal to a field of the page, and the field's value comes here as a message.
//! The plot is put into an Output widget each time that a page says that the field is there.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use flow_engine::{
    plot::{Axis, Chart, Kind, Scale},
    stored::Condition,
};
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde::Deserialize;
use serde_json::{Value, json};
use widgets_comm::{WidgetError, buffers::State, registry::Event, view::VIEW_MIME};

use super::{Plot, SPEC_MIME, format, spec};
use crate::{
    form::Forms,
    report::Report,
    table::{Tables, any_model},
    widgets::{Listening, Widgets, new_id},
};

const CODE: &str = include_str!("page/select.js");

/// Characters of a message about a selection.
const SELECTED_CHARS_MAX: usize = 1_000;

/// What a selection is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Fields of a form that it goes to: the two ends of a range, or names.
    pub fields: Vec<String>,
    /// The table that it filters, by the name under which a cell keeps it.
    pub table: Option<String>,
}

impl Wanted {
    /// Whether nothing is wanted.
    pub fn is_nothing(&self) -> bool {
        self.fields.is_empty() && self.table.is_none()
    }
}

/// The plots of this kernel in which a person can select.
pub struct SelectablePlots {
    widgets: Arc<Widgets>,
    forms: Arc<Forms>,
    tables: Arc<Tables>,
    /// By the cell below which it stands: it goes when the cell is run again.
    by_cell: Mutex<BTreeMap<String, Arc<Selectable>>>,
}

/// One of them.
struct Selectable {
    widgets: Arc<Widgets>,
    forms: Arc<Forms>,
    tables: Arc<Tables>,
    wanted: Wanted,
    picks: Picks,
    bundle: MimeBundle,
    line: String,
    output: String,
    all: Vec<String>,
    drawn: AtomicU64,
    listening: Mutex<Option<Listening>>,
}

/// What can be selected.
#[derive(Clone, Debug, PartialEq)]
enum Picks {
    /// Values from one to another.
    Range { axis: Axis },
    /// Names, one of each of these axes, by the field of the spec that holds them.
    Names(Vec<(&'static str, Axis)>),
}

impl Picks {
    fn of(chart: &Chart) -> Result<Picks, Report> {
        let refused = |what: &str| {
            Report::new("UsageError", format!("{what} cannot be selected in"))
                .with_hint("leave `--fill` and `--filter` out, or draw another kind")
        };
        match chart.kind {
            _ if chart.is_faceted => Err(refused("drawings side by side")),
            Kind::Sankey => Err(refused("a sankey")),
            Kind::Bars => Ok(Picks::Names(vec![("n", chart.y.clone())])),
            Kind::Matrix => Ok(Picks::Names(vec![("y", chart.y.clone()), ("x", chart.x.clone())])),
            _ => Ok(Picks::Range { axis: chart.x.clone() }),
        }
    }

    /// How many fields a selection fills at most, and what with.
    fn fields(&self) -> (usize, &'static str) {
        match self {
            Picks::Range { .. } => (2, "two fields, for both ends of a range"),
            Picks::Names(axes) if axes.len() == 1 => (1, "one field, for a name"),
            Picks::Names(_) => (2, "at most two fields, for names"),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Picks::Range { .. } => "Drag across the plot to select a range; a double click takes it back",
            Picks::Names(_) => "Click on a part of the plot to select it; a double click takes it back",
        }
    }

    /// The parameter of the spec in which Vega keeps the selection.
    fn parameter(&self) -> Value {
        match self {
            Picks::Range { .. } => json!({"name": "picked", "select": {"type": "interval", "encodings": ["x"]}}),
            Picks::Names(axes) => {
                let fields: Vec<&str> = axes.iter().map(|(field, _)| *field).collect();
                json!({"name": "picked", "select": {"type": "point", "fields": fields, "toggle": false}})
            }
        }
    }

    /// Vega's expression for the text that comes here: the ends of the range, or the names, a line each.
    fn expression(&self) -> String {
        match self {
            Picks::Range { axis } => {
                let end = |index: usize| match axis.scale {
                    Scale::Time => format!("time(picked.x[{index}])"),
                    _ => format!("picked.x[{index}]"),
                };
                format!("isValid(picked.x) ? {} + '\\n' + {} : ''", end(0), end(1))
            }
            Picks::Names(axes) => {
                let names: Vec<String> = axes.iter().map(|(field, _)| format!("picked.{field}[0]")).collect();
                format!("isValid(picked.{}) ? {} : ''", axes[0].0, names.join(" + '\\n' + "))
            }
        }
    }

    /// The column of each part of a selection with what was selected of it; nothing for what cannot be read.
    fn read(&self, selected: &str) -> Option<Vec<(&Axis, Picked)>> {
        let parts: Vec<&str> = selected.split('\n').collect();
        match self {
            Picks::Range { axis } => {
                let [from, to] = parts[..] else { return None };
                let (from, to): (f64, f64) = (from.parse().ok()?, to.parse().ok()?);
                let is_drawn = from.is_finite() && to.is_finite();
                is_drawn.then(|| vec![(axis, Picked::Range(from.min(to), from.max(to)))])
            }
            Picks::Names(axes) if parts.len() == axes.len() => {
                let pairs = axes.iter().zip(parts);
                Some(pairs.map(|((_, axis), name)| (axis, Picked::Name(name.to_owned()))).collect())
            }
            Picks::Names(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Picked {
    Range(f64, f64),
    Name(String),
}

impl Picked {
    /// The ends or the name as people write them into fields.
    fn texts(&self, axis: &Axis) -> Vec<String> {
        match self {
            // Pickers have whole seconds: outwards, so that nothing that was selected is lost.
            Picked::Range(from, to) if axis.scale == Scale::Time && to - from >= 2_000.0 => {
                let (from, to) = ((from / 1e3).floor() * 1e3, (to / 1e3).ceil() * 1e3);
                [from, to].map(|end| written(end, axis)).to_vec()
            }
            Picked::Range(from, to) => [from, to].map(|end| written(*end, axis)).to_vec(),
            Picked::Name(name) => vec![name.clone()],
        }
    }

    fn condition(&self, axis: &Axis) -> Condition {
        match self {
            Picked::Range(from, to) => {
                Condition::Between { min: Some(written(*from, axis)), max: Some(written(*to, axis)) }
            }
            Picked::Name(name) if name == "NULL" => Condition::Null,
            // A name that is cut in the plot.
            Picked::Name(name) => match name.strip_suffix('…') {
                Some(beginning) => Condition::Contains { text: beginning.to_owned() },
                None => Condition::Equals { text: name.clone() },
            },
        }
    }
}

fn written(value: f64, axis: &Axis) -> String {
    match axis.scale {
        Scale::Time => format::rfc3339(value),
        _ => format!("{value}"),
    }
}

/// What a page says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// The field is there.
    Ready {},
    /// What Vega wrote into it.
    Selected(String),
}

impl SelectablePlots {
    /// None yet.
    pub fn new(widgets: Arc<Widgets>, forms: Arc<Forms>, tables: Arc<Tables>) -> SelectablePlots {
        SelectablePlots { widgets, forms, tables, by_cell: Mutex::default() }
    }

    /// Shows a plot in which a person can select. `key` names its cell.
    ///
    /// # Errors
    /// When this kind of plot has nothing to select, or a field is not there.
    pub async fn show(&self, cause: &Header, key: &str, plot: &Plot, wanted: &Wanted) -> Result<MimeBundle, Report> {
        let picks = Picks::of(&plot.0)?;
        let (most, takes) = picks.fields();
        if !wanted.fields.is_empty()
            && (wanted.fields.len() > most || (most == 2 && picks.is_range() && wanted.fields.len() != 2))
        {
            return Err(Report::new("UsageError", format!("`--fill` of this plot takes {takes}")));
        }
        if let Some(unknown) = wanted.fields.iter().find(|field| self.forms.label(field).is_none()) {
            return Err(Report::new("UsageError", format!("there is no field `{unknown}` for `--fill`"))
                .with_hint("run the cell with the form first, or name one of its fields"));
        }
        let mut bundle = plot.bundle().await?;
        let refused = |error: WidgetError| Report::internal(format!("the plot's line: {error}"));
        let plot = Selectable::open(self, cause, picks, wanted.clone(), &mut bundle).await.map_err(refused)?;
        let earlier = lock(&self.by_cell).insert(key.to_owned(), plot);
        if let Some(earlier) = earlier {
            earlier.close(cause).await;
        }
        Ok(bundle)
    }
}

impl Picks {
    fn is_range(&self) -> bool {
        matches!(self, Picks::Range { .. })
    }
}

impl Selectable {
    /// Opens its widgets; `bundle` becomes what shows them, with the drawing as a stand-in where there are none.
    async fn open(
        plots: &SelectablePlots,
        cause: &Header,
        picks: Picks,
        wanted: Wanted,
        bundle: &mut MimeBundle,
    ) -> Result<Arc<Selectable>, WidgetError> {
        let (line, output, root) = (new_id(), new_id(), new_id());
        let field = format!("flowdeck-plot-{line}");
        if let Some(drawn) = bundle.get_mut(SPEC_MIME) {
            spec::make_selectable(drawn, &picks.parameter(), &picks.expression(), &field);
        }
        let of_page = bundle.clone();
        let state = any_model(State::new()).with("_esm", CODE).with("_anywidget_id", "flowdeck.PlotSelection");
        let state = state.with("_field", field.as_str()).with("_status", picks.hint());
        plots.widgets.open(cause, &line, "AnyModel", state).await?;
        plots.widgets.open(cause, &output, "OutputModel", State::new()).await?;
        let children = [&output, &line].map(|id| format!("IPY_MODEL_{id}"));
        plots.widgets.open(cause, &root, "VBoxModel", State::new().with("children", json!(children))).await?;
        bundle.shift_remove(SPEC_MIME);
        bundle.insert(VIEW_MIME.to_owned(), json!({"version_major": 2, "version_minor": 0, "model_id": root}));
        let plot = Arc::new(Selectable {
            widgets: plots.widgets.clone(),
            forms: plots.forms.clone(),
            tables: plots.tables.clone(),
            wanted,
            picks,
            bundle: of_page,
            all: vec![root, line.clone(), output.clone()],
            line,
            output,
            drawn: AtomicU64::new(0),
            listening: Mutex::default(),
        });
        let weak = Arc::downgrade(&plot);
        let hears = move |event: &Event, cause: &Header| {
            if let (Some(plot), Event::Custom { content, .. }) = (weak.upgrade(), event) {
                tokio::spawn(plot.take(content.clone(), cause.clone()));
            }
        };
        *lock(&plot.listening) = Some(plot.widgets.listen(&plot.line, Arc::new(hears)));
        Ok(plot)
    }

    async fn close(&self, cause: &Header) {
        if let Some(listening) = lock(&self.listening).take() {
            self.widgets.unlisten(&listening);
        }
        for id in &self.all {
            // A front end may have closed it.
            let _ = self.widgets.close(cause, id).await;
        }
    }

    async fn take(self: Arc<Self>, content: Value, cause: Header) {
        match serde_json::from_value(content) {
            Ok(Said::Ready {}) => self.draw(&cause).await,
            Ok(Said::Selected(text)) if text.chars().count() <= SELECTED_CHARS_MAX => {
                let status = match text.is_empty() {
                    true => self.taken_back(&cause).await,
                    false => self.selected(&text, &cause).await,
                };
                self.set(&cause, &self.line, "_status", status.unwrap_or_else(|fault| fault).into()).await;
            }
            _ => return tracing::warn!("a message to a plot was refused"),
        }
        self.widgets.flush().await;
    }

    /// Puts the plot into its place, again for each page: only what is drawn after the field is there finds it.
    async fn draw(&self, cause: &Header) {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        // Equal outputs would not be drawn again.
        let metadata = json!({"flowdeck": {"drawn": number}});
        let outputs = json!([{"output_type": "display_data", "data": self.bundle, "metadata": metadata}]);
        self.set(cause, &self.output, "outputs", outputs).await;
    }

    /// Does what the selection is for; gives what to say about it.
    async fn selected(&self, text: &str, cause: &Header) -> Result<String, String> {
        let picked = self.picks.read(text).ok_or("This selection cannot be read")?;
        let mut told = Vec::new();
        let texts = picked.iter().flat_map(|(axis, picked)| picked.texts(axis));
        for (field, text) in self.wanted.fields.iter().zip(texts.clone()) {
            self.forms.fill(cause, field, &text).await?;
            told.push(format!("{} is {text}", self.forms.label(field).unwrap_or_default()));
        }
        if let Some(table) = &self.wanted.table {
            let filters =
                picked.iter().filter_map(|(axis, picked)| Some((axis.column.clone()?, picked.condition(axis))));
            let rows = self.tables.filter(cause, table, filters.collect()).await?;
            told.push(format!("{table} shows {rows} of its rows"));
        }
        let selected: Vec<String> = texts.collect();
        Ok(format!("Selected {}: {}", selected.join(" – "), told.join("; ")))
    }

    /// Fields keep what they have; a table shows all of its rows again.
    async fn taken_back(&self, cause: &Header) -> Result<String, String> {
        if let Some(table) = &self.wanted.table {
            let columns = match &self.picks {
                Picks::Range { axis } => vec![axis.column.clone()],
                Picks::Names(axes) => axes.iter().map(|(_, axis)| axis.column.clone()).collect(),
            };
            self.tables.unfilter(cause, table, &columns.into_iter().flatten().collect::<Vec<_>>()).await?;
        }
        Ok(self.picks.hint().to_owned())
    }

    async fn set(&self, cause: &Header, widget: &str, name: &str, value: Value) {
        if let Err(error) = self.widgets.set(cause, widget, name, value).await {
            tracing::info!(%error, "a plot's widget is gone");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale) -> Axis {
        Axis { label: "t".into(), scale, column: Some("t".into()) }
    }

    #[test]
    fn ranges_and_names_are_read_and_what_is_odd_is_not() {
        let range = Picks::Range { axis: axis(Scale::Time) };
        let picked = range.read("60000\n0").expect("two moments");
        assert_eq!(picked[0].1.texts(picked[0].0), ["1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z"]);
        for odd in ["", "1", "1\nNaN", "a\nb", "1\n2\n3", "1\ninf"] {
            assert_eq!(range.read(odd), None, "{odd}");
        }
        let names = Picks::Names(vec![("n", axis(Scale::Names(vec!["a".into()])))]);
        let picked = names.read("10.0.0.1").expect("a name");
        assert_eq!(picked[0].1.condition(picked[0].0), Condition::Equals { text: "10.0.0.1".into() });
        assert_eq!(Picked::Name("NULL".into()).condition(&axis(Scale::Linear)), Condition::Null);
        assert_eq!(
            Picked::Name("lon…".into()).condition(&axis(Scale::Linear)),
            Condition::Contains { text: "lon".into() }
        );
        assert_eq!(names.read("a\nb"), None);
    }
}
