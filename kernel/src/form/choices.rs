//! Choices that an author does not write: the configured sources, the channels of a source, the blocklists.
//!
//! They are looked up when a form is shown; channels again when another source is chosen.

use std::{collections::BTreeSet, sync::Arc};

use flow_engine::Channels;
use kernel_protocol::wire::header::Header;

use super::{
    Forms, Live, NOTE,
    definition::{Field, Kind},
    said, view,
};
use crate::{
    config::Config,
    engine::SourceState,
    engine::{self, EngineRoom},
    report::Report,
};

/// Columns that make a table one of flows.
const FLOW_COLUMNS: &[&str] = &["start_time", "src_ip", "dst_ip"];

/// Where the choices of a field come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Sources with flows.
    Sources,
    /// Blocklists.
    Blocklists,
    /// Channels of the source that is chosen in another field.
    Channels {
        /// The name of that field.
        of: String,
    },
}

/// The words an author writes.
const ORIGINS: &str = "\"sources\", \"blocklists\" and \"channels of FIELD\"";

/// What can be chosen, and why it is so little, for the person who fills in the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// In the order in which they are shown.
    pub options: Vec<String>,
    /// Said beside the field.
    pub note: Option<String>,
}

impl Origin {
    /// Reads what an author wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Origin, String> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["sources"] => Ok(Origin::Sources),
            ["blocklists"] => Ok(Origin::Blocklists),
            ["channels", "of", field] => Ok(Origin::Channels { of: (*field).to_owned() }),
            _ => Err(format!("`options_from` is {ORIGINS}, not \"{text}\"")),
        }
    }

    /// What can be chosen now. `chosen` gives what is chosen in another field.
    pub async fn choices(&self, chosen: impl AsyncFnOnce(&str) -> Option<String>) -> Choices {
        match self {
            Origin::Blocklists => {
                let names = Config::in_force().blocklists.keys().map(|name| name.0.clone());
                Choices::of(names, "no blocklist is named in flowdeck.toml")
            }
            Origin::Sources => match engine::ready().await {
                Ok(room) => Choices::of(with_flows(room), "no source with flows is named in flowdeck.toml"),
                Err(report) => Choices { options: Vec::new(), note: Some(report.evalue) },
            },
            Origin::Channels { of } => match (engine::ready().await, chosen(of).await) {
                (Ok(room), Some(source)) => channels(room, &source).await,
                (Ok(_), None) => Choices::default(),
                (Err(report), _) => Choices { options: Vec::new(), note: Some(report.evalue) },
            },
        }
    }
}

impl Choices {
    fn of(options: impl IntoIterator<Item = String>, note_when_none: &str) -> Choices {
        let options: Vec<String> = options.into_iter().collect();
        let note = options.is_empty().then(|| note_when_none.to_owned());
        Choices { options, note }
    }

    fn of_channels(Channels { names, is_complete }: Channels) -> Choices {
        let mut choices = Choices::of(names, "this source has no channels");
        if !is_complete {
            let what = if choices.options.is_empty() { "channels are not known" } else { "there may be more channels" };
            choices.note = Some(format!("{what}: looking took too long"));
        }
        choices
    }
}

fn with_flows(room: &EngineRoom) -> Vec<String> {
    let has_flows = |table: &str| {
        // Of what is not open yet that is not known; servers have flows, files in the network mostly.
        let columns = room.engine.columns(table);
        let names: BTreeSet<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        names.is_empty() || FLOW_COLUMNS.iter().all(|name| names.contains(name))
    };
    let tables = room.sources.iter().filter_map(SourceState::table);
    tables.filter(|table| has_flows(table)).map(str::to_owned).collect()
}

async fn channels(room: &EngineRoom, source: &str) -> Choices {
    match room.engine.channels(source).await {
        Ok(channels) => Choices::of_channels(channels),
        Err(error) => Choices { options: Vec::new(), note: Some(format!("channels are not known: {error}")) },
    }
}

/// Gives a field its options; what is to be said about them remains.
fn put(field: &mut Field, Choices { options, note }: Choices) -> Option<String> {
    if let Kind::Choice(known) | Kind::Multi(known) = &mut field.kind {
        *known = options;
    }
    note
}

/// Looks something up for what is chosen. `None` when another is chosen by then: who chose it looks again, and may have
/// been faster.
async fn while_chosen<C, L>(chosen: impl Fn() -> C, look_up: impl FnOnce(Option<String>) -> L) -> Option<L::Output>
where
    C: Future<Output = Option<String>>,
    L: Future,
{
    let asked = chosen().await;
    let found = look_up(asked.clone()).await;
    (chosen().await == asked).then_some(found)
}

impl Forms {
    /// Looks up the options of a field that has none of its own; gives what is to be said about them.
    pub(super) async fn look_up(&self, field: &mut Field) -> Option<String> {
        let origin = field.options_from.clone()?;
        put(field, origin.choices(async |name| self.chosen(name).await).await)
    }

    /// What is chosen in a field of the type `choice`.
    pub(super) async fn chosen(&self, name: &str) -> Option<String> {
        let live = self.live(name)?;
        let Kind::Choice(options) = &live.field.kind else { return None };
        let index = self.widgets.get(&live.widget, view::value_attribute(&live.field.kind)).await?;
        options.get(usize::try_from(index.json().as_u64()?).ok()?).cloned()
    }

    /// Whether a query may wait for an option of a field.
    ///
    /// # Errors
    /// A report for the author when there is no such field or option.
    pub(super) fn check_option(&self, name: &str, option: &str) -> Result<(), Report> {
        let live = self.live(name);
        let Some(Kind::Choice(options)) = live.as_ref().map(|live| &live.field.kind) else {
            return Err(Report::new("FormError", format!("there is no field `{name}` of the type choice"))
                .with_hint("run the %%form cell that has it first"));
        };
        match options.iter().any(|known| known == option) {
            true => Ok(()),
            false => Err(Report::new("FormError", format!("`{name}` has no option `{option}`"))
                .with_hint(format!("options are {}", options.join(", ")))),
        }
    }

    /// Another source was chosen: fields for its channels get other options.
    pub(super) async fn renew_channels(&self, cause: &Header, source: &str) {
        let depends =
            |live: &Arc<Live>| matches!(&live.field.options_from, Some(Origin::Channels { of }) if of == source);
        let depending: Vec<Arc<Live>> = self.fields().values().filter(|live| depends(live)).cloned().collect();
        for live in depending {
            let mut field = live.field.clone();
            let Some(origin) = field.options_from.clone() else { continue };
            let look_up = |asked| async move { origin.choices(async move |_: &str| asked).await };
            let Some(choices) = while_chosen(|| self.chosen(source), look_up).await else { return };
            // The form may have been run again meanwhile.
            if self.live(&field.name).is_none_or(|now| now.widget != live.widget) {
                continue;
            }
            let note = put(&mut field, choices);
            let state = view::other_options(&field);
            let message = note.as_deref().map(|note| said(NOTE, note)).unwrap_or_default();
            let renewed = Live {
                field,
                note,
                widget: live.widget.clone(),
                message: live.message.clone(),
                initial: live.initial.clone(),
            };
            // Before the widget says so, as whoever hears of it reads the options.
            self.fields().insert(live.field.name.clone(), Arc::new(renewed));
            let told = [
                self.widgets.update(cause, &live.widget, state).await,
                self.widgets.set(cause, &live.message, "value", message).await,
            ];
            if let Some(error) = told.into_iter().find_map(Result::err) {
                tracing::info!(%error, "a field of a form is gone");
            }
            self.widgets.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_that_took_too_long_is_not_a_source_without_channels() {
        let choices = |names: &[&str], is_complete| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            let Choices { options, note } = Choices::of_channels(Channels { names, is_complete });
            (options.len(), note)
        };
        assert_eq!(choices(&["lab"], true), (1, None));
        assert_eq!(choices(&[], true), (0, Some("this source has no channels".into())));
        assert_eq!(choices(&[], false), (0, Some("channels are not known: looking took too long".into())));
        assert_eq!(choices(&["lab"], false), (1, Some("there may be more channels: looking took too long".into())));
    }

    #[tokio::test]
    async fn an_answer_for_what_is_no_longer_chosen_is_dropped() {
        let chosen = std::sync::Mutex::new("a");
        let now = || std::future::ready(Some((*chosen.lock().expect("no panic")).to_owned()));
        let kept = while_chosen(now, std::future::ready).await;
        assert_eq!(kept, Some(Some("a".to_owned())));
        let another = |asked| {
            *chosen.lock().expect("no panic") = "b";
            std::future::ready(asked)
        };
        assert_eq!(while_chosen(now, another).await, None);
    }

    #[test]
    fn origins_are_words() {
        assert_eq!(Origin::parse("sources"), Ok(Origin::Sources));
        assert_eq!(Origin::parse("channels of source"), Ok(Origin::Channels { of: "source".into() }));
        for text in ["", "source", "channels", "channels of", "SELECT 1"] {
            assert!(Origin::parse(text).is_err_and(|fact| fact.contains("channels of FIELD")), "{text}");
        }
    }
}
