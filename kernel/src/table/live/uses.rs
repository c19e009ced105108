//! What the author of a table lets a person do with its rows: fill a form, select for other cells, call code; and the
//! filters that a plot sets.

use flow_engine::{
    render,
    stored::{ColumnFilter, Condition},
};
use kernel_protocol::wire::header::Header;
use serde_json::json;
use widgets_comm::registry::Event;

use super::{Answer, LiveTable, Refusal};
use crate::engine;

impl LiveTable {
    /// Tells the code that the author wrote for rows of one of them.
    pub(super) fn act(&self, view: u64, place: usize, action: usize, cause: &Header) -> Result<Answer, Refusal> {
        let action = self.offers.actions.get(action).ok_or_else(|| Refusal::new("There is no such action"))?;
        let Some((stored, seen)) = self.known(view)? else { return Ok((json!({"stale": true}), Vec::new())) };
        let content = json!({"row": stored.row_at(&seen, place)?});
        self.widgets.announce(&Event::Custom { id: action.listener.clone(), content, buffers: Vec::new() }, cause);
        Ok((json!({}), Vec::new()))
    }

    /// Makes a table of the selected rows. The newest selection wins, as they are dealt with one after another.
    pub(super) async fn select(
        &self,
        view: u64,
        start: usize,
        count: usize,
        cause: &Header,
    ) -> Result<Answer, Refusal> {
        let name = self.offers.selection.as_ref().ok_or_else(|| Refusal::new("The selection is not asked for"))?;
        let _one_at_a_time = self.selecting.lock().await;
        let Some((stored, seen)) = self.known(view)? else { return Ok((json!({"stale": true}), Vec::new())) };
        let room = engine::ready().await.map_err(|report| Refusal::new(report.evalue))?;
        let table = name.clone();
        let work = tokio::task::spawn_blocking(move || {
            let selected = stored.selected(&seen, start..start.saturating_add(count))?;
            room.engine.register_result(&table, &selected).map(|_| selected.row_count)
        });
        let row_count = work.await.map_err(|error| Refusal::new(error.to_string()))??;
        self.forms.table_is_there(cause, name).await;
        Ok((json!({"rows": row_count}), Vec::new()))
    }

    /// Whether its rows are also those of the table of this name.
    pub(in crate::table) fn is_of(&self, name: &str) -> bool {
        self.offers.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)) && self.has_rows()
    }

    /// Replaces the filters of some columns, for all pages; says how many rows are left.
    pub(in crate::table) async fn filter(
        &self,
        conditions: Vec<(String, Condition)>,
        cleared: &[String],
        cause: &Header,
    ) -> Result<String, String> {
        let (columns, mut request) = {
            let seen = self.seen();
            let stored = seen.stored.as_ref().ok_or_else(|| Refusal::let_go().fact)?;
            (stored.result().schema.clone(), seen.view.request.clone())
        };
        let number = |name: &str| columns.fields().iter().position(|field| field.name() == name);
        for (name, condition) in conditions {
            let column = number(&name).ok_or_else(|| format!("The table has no column {}", render::visible(&name)))?;
            request.filters.retain(|filter| filter.column != column);
            request.filters.push(ColumnFilter { column, negate: false, condition });
        }
        let cleared: Vec<usize> = cleared.iter().filter_map(|name| number(name)).collect();
        request.filters.retain(|filter| !cleared.contains(&filter.column));
        self.look(request, cause).await.map_err(|refusal| refusal.fact)?;
        Ok(render::with_commas(self.seen().view.row_count() as i128))
    }

    /// Puts a value into the field that the author named for its column.
    pub(super) async fn fill(&self, view: u64, row: usize, fill: usize, cause: &Header) -> Result<Answer, Refusal> {
        let fill = self.offers.fills.get(fill).ok_or_else(|| Refusal::new("There is no such field"))?;
        let Some((stored, seen)) = self.known(view)? else { return Ok((json!({"stale": true}), Vec::new())) };
        let text = stored.value(&seen, row, fill.column)?.ok_or_else(|| Refusal::new("There is no value"))?;
        self.forms.fill(cause, &fill.field, &text).await.map_err(Refusal::new)?;
        Ok((json!({"label": fill.label, "text": text}), Vec::new()))
    }
}
