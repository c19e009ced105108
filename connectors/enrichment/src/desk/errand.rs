//! One query's lookups of one kind: each asked when its turn and the quota allow it, and none any more when that is of no
//! use.

use std::collections::BTreeMap;

use chrono::Utc;
use futures::StreamExt;

use super::counter::{Access, Counter};
use super::{Desk, DeskError, Mode, of_kept};
use crate::client::Reply;
use crate::indicator::Indicator;
use crate::outcome::{Answer, Fault, Outcome, Reason};
use crate::quota::Permit;
use crate::service::Lookup;
use crate::session::{Question, Run, Session};
use crate::store::{Kept, Shelf, Store};

/// Requests of one query under way at once.
const AT_ONCE_MAX: usize = 4;
/// After so many failures in a row the rest of a query is not asked.
const FAILURES_MAX: u32 = 3;

/// Lookups that are not kept.
pub(super) struct Errand<'a> {
    desk: &'a Desk,
    counter: &'a Counter,
    lookup: &'static Lookup,
    shelf: Shelf,
    access: Access,
    session: &'a Session,
}

impl<'a> Errand<'a> {
    pub(super) fn new(
        desk: &'a Desk,
        counter: &'a Counter,
        lookup: &'static Lookup,
        shelf: Shelf,
        access: Access,
        session: &'a Session,
    ) -> Errand<'a> {
        Errand { desk, counter, lookup, shelf, access, session }
    }

    pub(super) async fn run(&self, open: BTreeMap<String, Indicator>) -> Result<Vec<(String, Answer)>, DeskError> {
        self.session.begin(open.len());
        let asked = open.into_iter().map(|(value, indicator)| async move {
            let answer = self.in_turn(&value, &indicator).await;
            self.session.end_one();
            answer.map(|answer| (value, answer))
        });
        let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(AT_ONCE_MAX).collect().await;
        answers.into_iter().collect()
    }

    /// The answer, unless somebody else got it while this waited for its turn.
    async fn in_turn(&self, value: &str, indicator: &Indicator) -> Result<Answer, DeskError> {
        let turn = self.desk.turn(&self.shelf, value);
        let _mine = turn.lock().await;
        let question = Question { function: self.lookup.function, mode: Mode::Ask, value: value.to_owned() };
        if let Some(answer) = self.session.recall(&question) {
            return Ok(answer);
        }
        if let Some(outcome) = self.with_run(|run| run.end.clone()) {
            return Ok(Answer { outcome, asked_at: None, is_kept: false });
        }
        let store = self.desk.store()?;
        let kept = store.kept(&self.shelf, vec![value.to_owned()], Utc::now()).await?;
        let answer = match kept.into_iter().next().flatten() {
            Some(kept) => of_kept(kept),
            None => self.one(store, value, indicator).await?,
        };
        self.session.remember(question, answer.clone());
        Ok(answer)
    }

    async fn one(&self, store: &Store, value: &str, indicator: &Indicator) -> Result<Answer, DeskError> {
        if let Some(end) = self.permit(store).await? {
            return Ok(Answer { outcome: end, asked_at: None, is_kept: false });
        }
        let reply = self.access.client.ask(self.lookup, indicator, self.access.key.as_ref()).await;
        let asked_at = Utc::now();
        let outcome = match reply {
            Reply::Found(fields) => Outcome::Found(fields),
            Reply::NotFound => Outcome::NotFound,
            Reply::Failed(fault) => self.failed(fault),
            Reply::TooOften { retry_after_s } => {
                let until = store.pause(&self.access.account, retry_after_s, asked_at).await?;
                self.end(Outcome::NotAsked(Reason::TooOften { title: self.counter.service.title, until }))
            }
        };
        let fields = match &outcome {
            Outcome::Found(fields) => Some(fields.clone()),
            Outcome::NotFound => None,
            _ => return Ok(Answer { outcome, asked_at: None, is_kept: false }),
        };
        self.with_run(|run| run.failures = 0);
        let expires_at = self.counter.expires_at(fields.is_some(), asked_at);
        store.keep(&self.shelf, value.to_owned(), Kept { fields, asked_at }, expires_at).await?;
        Ok(Answer { outcome, asked_at: Some(asked_at), is_kept: false })
    }

    /// Waits until one request may be sent; what the answer is when none may.
    async fn permit(&self, store: &Store) -> Result<Option<Outcome>, DeskError> {
        let title = self.counter.service.title;
        loop {
            if let Some(end) = self.with_run(|run| run.end.clone()) {
                return Ok(Some(end));
            }
            match store.take(&self.access.account, self.counter.limits, Utc::now()).await? {
                Permit::Go => return Ok(None),
                Permit::Wait(time) => tokio::time::sleep(time.to_std().unwrap_or_default()).await,
                Permit::Paused { until } => {
                    return Ok(Some(self.end(Outcome::NotAsked(Reason::TooOften { title, until }))));
                }
                Permit::DayOver { used, until } => {
                    let limit = self.counter.limits.per_day;
                    let reason = Reason::DayOver { title, used, limit, until };
                    return Ok(Some(self.end(Outcome::NotAsked(reason))));
                }
            }
        }
    }

    fn failed(&self, fault: Fault) -> Outcome {
        let outcome = Outcome::Failed(fault.clone());
        self.with_run(|run| {
            run.failures = if fault.is_of_service() { run.failures + 1 } else { 0 };
            if fault.is_final() {
                run.end.get_or_insert(outcome.clone());
            } else if run.failures >= FAILURES_MAX {
                let (title, times, last) = (self.counter.service.title, run.failures, fault.to_string());
                run.end.get_or_insert(Outcome::NotAsked(Reason::Failing { title, times, last }));
            }
        });
        outcome
    }

    /// From now on this is the answer.
    fn end(&self, outcome: Outcome) -> Outcome {
        self.with_run(|run| run.end.get_or_insert(outcome).clone())
    }

    fn with_run<T>(&self, change: impl FnOnce(&mut Run) -> T) -> T {
        self.session.with_run(self.counter.service.name, change)
    }
}
