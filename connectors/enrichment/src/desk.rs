//! Many lookups at once: each indicator once, what is kept first, then within the quota, and no further when it is of no
//! use. Dropping the future stops it; what was answered until then is kept.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use chrono::{DateTime, Utc};

use self::counter::Counter;
use self::errand::Errand;
use crate::indicator::Indicator;
use crate::outcome::{Answer, Outcome, Reason};
use crate::quota::{Limits, next_day};
use crate::scope::Scope;
use crate::service::{Lookup, Service};
use crate::session::{Question, Session};
use crate::settings::{Settings, SettingsError};
use crate::store::{Kept, Shelf, Store, StoreError};

mod counter;
mod errand;

/// The file that kernels share, in the folder for such.
const STORE_FILE: &str = "enrichment.sqlite";

/// Where all lookups go.
#[derive(Debug)]
pub struct Desk {
    scope: Scope,
    counters: Vec<Counter>,
    store_path: PathBuf,
    store: OnceLock<Result<Store, StoreError>>,
    /// Lookups under way in this process, so that two queries do not ask the same.
    under_way: Mutex<HashMap<(Shelf, String), Weak<Turn>>>,
}

/// Who holds it is the one who asks.
type Turn = tokio::sync::Mutex<()>;

/// Whether services may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// What is not kept is asked.
    Ask,
    /// Only what is kept.
    Kept,
}

/// Why nothing can be looked up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeskError {
    /// The configuration.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The file that kernels share.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A lookup of a service that the desk was not made with.
    #[error("no service answers {function}")]
    NoService {
        /// The function.
        function: &'static str,
    },
}

/// What can be said about a service without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Why it cannot be asked; `None` when it can.
    pub missing: Option<String>,
    /// Requests allowed in any minute.
    pub per_minute: u32,
    /// Requests allowed a day.
    pub per_day: u32,
    /// Requests sent today, by all kernels.
    pub used_today: u32,
    /// When the next day begins.
    pub next_day: DateTime<Utc>,
}

impl Desk {
    /// A desk for these services. Opens nothing. Relative files of the settings are seen from `config_folder`; what kernels
    /// share goes into `shared_folder`.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        services: &[&'static Service],
        settings: &Settings,
        config_folder: &Path,
        shared_folder: &Path,
    ) -> Result<Desk, SettingsError> {
        let scope = Scope::new(&settings.internal_networks, &settings.internal_domains)?;
        let known = |name: &str| services.iter().any(|service| service.name == name);
        if let Some(name) = settings.services.keys().find(|name| !known(name)) {
            let known = services.iter().map(|service| service.name).collect::<Vec<_>>().join(", ");
            return Err(SettingsError::UnknownService { name: name.clone(), known });
        }
        let counter = |service: &&'static Service| Counter::new(service, settings, config_folder);
        let counters = services.iter().map(counter).collect::<Result<_, _>>()?;
        let folder = settings.folder.as_ref().map(|folder| config_folder.join(folder));
        let store_path = folder.as_deref().unwrap_or(shared_folder).join(STORE_FILE);
        Ok(Desk { scope, counters, store_path, store: OnceLock::new(), under_way: Mutex::default() })
    }

    /// Looks up each text; `None` stays `None`. Answers come in the order of the texts.
    ///
    /// # Errors
    /// When nothing can be looked up at all. What concerns one text is its answer.
    pub async fn look_up(
        &self,
        lookup: &'static Lookup,
        texts: &[Option<&str>],
        mode: Mode,
        session: &Session,
    ) -> Result<Vec<Option<Answer>>, DeskError> {
        let counter = self.counter(lookup)?;
        let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
        let mut open: BTreeMap<String, Indicator> = BTreeMap::new();
        let mut keys = Vec::with_capacity(texts.len());
        for text in texts {
            let Some(text) = text else {
                keys.push(None);
                continue;
            };
            let (key, refused) = match Indicator::parse(lookup.kind, text) {
                None => ((*text).to_owned(), Some(Reason::NoIndicator(lookup.kind.words()))),
                Some(indicator) => {
                    let kept_back = self.scope.keeps(&indicator).map(Reason::Private);
                    let key = indicator.text();
                    if kept_back.is_none() {
                        open.insert(key.clone(), indicator);
                    }
                    (key, kept_back)
                }
            };
            if let Some(reason) = refused {
                answers.insert(key.clone(), not_asked(reason));
            }
            keys.push(Some(key));
        }
        answers.extend(self.answer(counter, lookup, open, mode, session).await?);
        Ok(keys.into_iter().map(|key| key.and_then(|key| answers.get(&key).cloned())).collect())
    }

    /// The services in order, and what is left of their quotas.
    ///
    /// # Errors
    /// When the file that kernels share cannot be used.
    pub async fn states(&self) -> Result<Vec<ServiceState>, DeskError> {
        let now = Utc::now();
        let mut states = Vec::new();
        for counter in &self.counters {
            let (missing, used_today) = match counter.access() {
                Ok(access) => (None, self.store()?.used_today(&access.account, now).await?),
                Err(reason) => (Some(reason.to_string()), 0),
            };
            let Limits { per_minute, per_day } = counter.limits;
            let (name, next_day) = (counter.service.name, next_day(now));
            states.push(ServiceState { name, missing, per_minute, per_day, used_today, next_day });
        }
        Ok(states)
    }

    async fn answer(
        &self,
        counter: &Counter,
        lookup: &'static Lookup,
        mut open: BTreeMap<String, Indicator>,
        mode: Mode,
        session: &Session,
    ) -> Result<BTreeMap<String, Answer>, DeskError> {
        let mut answers = BTreeMap::new();
        let question = |value: &str| Question { function: lookup.function, mode, value: value.to_owned() };
        open.retain(|value, _| match session.recall(&question(value)) {
            Some(answer) => answers.insert(value.clone(), answer).is_some(),
            None => true,
        });
        if open.is_empty() {
            return Ok(answers);
        }
        // Without an address there is no shelf either.
        let Some(shelf) = counter.shelf(lookup) else {
            let reason = counter.access().err().unwrap_or(Reason::NotKept);
            answers.extend(open.into_keys().map(|value| (value, not_asked(reason.clone()))));
            return Ok(answers);
        };
        let values: Vec<String> = open.keys().cloned().collect();
        let kept = self.store()?.kept(&shelf, values.clone(), Utc::now()).await?;
        for (value, kept) in values.into_iter().zip(kept) {
            if let Some(kept) = kept {
                open.remove(&value);
                session.remember(question(&value), of_kept(kept.clone()));
                answers.insert(value, of_kept(kept));
            }
        }
        let access = match mode {
            Mode::Kept => Err(Reason::NotKept),
            Mode::Ask => counter.access(),
        };
        match access {
            Err(reason) => answers.extend(open.into_keys().map(|value| (value, not_asked(reason.clone())))),
            Ok(access) => answers.extend(Errand::new(self, counter, lookup, shelf, access, session).run(open).await?),
        }
        Ok(answers)
    }

    fn counter(&self, lookup: &'static Lookup) -> Result<&Counter, DeskError> {
        let answers = |counter: &&Counter| counter.service.lookups.iter().any(|it| it.function == lookup.function);
        self.counters.iter().find(answers).ok_or(DeskError::NoService { function: lookup.function })
    }

    fn store(&self) -> Result<&Store, StoreError> {
        self.store.get_or_init(|| Store::open(&self.store_path, Utc::now())).as_ref().map_err(Clone::clone)
    }

    /// Whoever has it is the only one in this process who asks this.
    fn turn(&self, shelf: &Shelf, value: &str) -> Arc<Turn> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, turn| turn.strong_count() > 0);
        let key = (shelf.clone(), value.to_owned());
        if let Some(turn) = under_way.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(()));
        under_way.insert(key, Arc::downgrade(&turn));
        turn
    }
}

pub(super) fn not_asked(reason: Reason) -> Answer {
    Answer { outcome: Outcome::NotAsked(reason), asked_at: None, is_kept: false }
}

pub(super) fn of_kept(kept: Kept) -> Answer {
    let outcome = kept.fields.map_or(Outcome::NotFound, Outcome::Found);
    Answer { outcome, asked_at: Some(kept.asked_at), is_kept: true }
}
