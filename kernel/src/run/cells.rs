//! The cells of a run in their order, and the buttons that are pressed between them.
//!
//! A query that waits for a button runs as soon as its cell and the forms that it takes values from have run, as if somebody
//! had pressed then; so plain queries and Rust cells further down find its table.

use std::collections::BTreeSet;

use flow_engine::render;

use super::{
    front_end::{Ended, FrontEnd},
    notebook::CodeCell,
    progress::Progress,
};
use crate::{
    cell::{Cell, SqlCell, Trigger},
    form::{definition, is_mentioned},
    report::Report,
};

/// A run of all cells.
pub(super) struct AllCells<'a> {
    front_end: &'a FrontEnd,
    progress: &'a Progress,
    /// The buttons that are pressed; all when there is none.
    press: &'a [String],
    cells: &'a [CodeCell],
    /// What became of the cells that have run.
    pub(super) ended: Vec<Ended>,
    /// Whether one failed that may not.
    pub(super) has_failed: bool,
    /// Queries that wait for a button: the place of their cell, and of the form behind it that they need.
    waiting: Vec<(usize, usize)>,
}

impl<'a> AllCells<'a> {
    pub(super) fn new(
        front_end: &'a FrontEnd,
        progress: &'a Progress,
        press: &'a [String],
        cells: &'a [CodeCell],
    ) -> AllCells<'a> {
        AllCells { front_end, progress, press, cells, ended: Vec::new(), has_failed: false, waiting: Vec::new() }
    }

    /// Runs them until one fails or the run is interrupted. A query of a form that fails costs only itself.
    pub(super) async fn run(&mut self) {
        for (place, cell) in self.cells.iter().enumerate() {
            if self.front_end.is_interrupted() {
                return;
            }
            let following = self.progress.follow(self.front_end.kernel(), &self.label(place));
            let ended = self.front_end.run(cell, place as u64 + 1).await;
            drop(following);
            let is_live = sql_of(cell).is_some_and(|sql| sql.trigger != Trigger::Once);
            let stops = ended.failure.is_some() && !cell.may_fail && !is_live;
            let is_done = ended.failure.is_some() || button_of(cell).is_none();
            self.ended.push(ended);
            match is_done {
                true => self.tell(place),
                false => self.waiting.push((place, self.form_to_wait_for(place))),
            }
            if stops {
                return;
            }
            self.press_those_due(place).await;
        }
    }

    /// Presses for the queries whose forms are there now.
    async fn press_those_due(&mut self, at: usize) {
        let due = self.waiting.iter().filter(|(_, form)| *form <= at).map(|(place, _)| *place).collect::<Vec<_>>();
        self.waiting.retain(|(_, form)| *form > at);
        for place in due {
            let Some(button) = button_of(&self.cells[place]) else { continue };
            if self.front_end.is_interrupted() {
                return;
            }
            // Its table may come from a query that waits itself.
            let last_form = self.waiting.iter().map(|(_, form)| *form).max();
            if let Some(form) = last_form.filter(|_| self.presses(&button))
                && self.front_end.kernel().forms.waits_for(&button).await.is_some()
            {
                self.waiting.push((place, form));
                continue;
            }
            let is_asked_for = self.press.contains(&button);
            let following = self.progress.follow(self.front_end.kernel(), &self.label(place));
            let ended = &mut self.ended[place];
            match is_asked_for || self.press.is_empty() {
                true => self.front_end.press(ended, &button).await,
                false => ended.waits = Some(format!("the button `{button}` is not pressed")),
            }
            if let (true, Some(waits)) = (is_asked_for, &ended.waits) {
                let report = Report::new("NotRun", waits.clone());
                ended.failure = Some(report.with_hint("give the fields that it needs with -p"));
            }
            drop(following);
            self.tell(place);
        }
    }

    fn presses(&self, button: &str) -> bool {
        self.press.is_empty() || self.press.iter().any(|wanted| wanted == button)
    }

    /// The place of the cell behind which a cell's button can be pressed. A report tells of the queries before it.
    fn form_to_wait_for(&self, place: usize) -> usize {
        let form = needed_form(self.cells, place);
        let is_report = sql_of(&self.cells[place]).is_none();
        let others = self.waiting.iter().map(|(_, form)| *form).filter(|_| is_report);
        others.max().unwrap_or(form).max(form)
    }

    /// Tells what became of a cell.
    fn tell(&mut self, place: usize) {
        let (cell, ended, label) = (&self.cells[place], &self.ended[place], self.label(place));
        self.has_failed |= ended.failure.is_some() && !cell.may_fail;
        if let Some(report) = ended.failure.as_ref().filter(|_| !self.front_end.is_interrupted()) {
            let hint = report.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            let what = if cell.may_fail { "note" } else { "error" };
            self.progress.warn(&format!("{what}: {label} failed: {}: {}{hint}", report.ename, report.evalue));
        }
        let name = sql_of(cell).and_then(|sql| sql.into);
        let made = name.and_then(|name| self.front_end.kernel().results.named(&name));
        let line = match (&ended.failure, &ended.waits, made) {
            (Some(_), _, _) | (None, None, None) => String::new(),
            (None, Some(waits), _) => format!("{label}: not run: {waits}"),
            (None, None, Some(made)) => {
                let count = made.result.row_count;
                let rows = if count == 1 { "row" } else { "rows" };
                let seconds = made.result.elapsed.as_secs_f64();
                format!("{label}: {} {rows} in {seconds:.2} s", render::with_commas(count as i128))
            }
        };
        self.progress.end_cell(&line);
    }

    fn label(&self, place: usize) -> String {
        let (count, of) = (place + 1, self.cells.len());
        match sql_of(&self.cells[place]).and_then(|sql| sql.into) {
            Some(name) => format!("cell {count} of {of}, `{name}`"),
            None => format!("cell {count} of {of}"),
        }
    }
}

fn sql_of(cell: &CodeCell) -> Option<SqlCell> {
    match Cell::parse(&cell.source) {
        Ok(Cell::Sql(sql)) => Some(sql),
        _ => None,
    }
}

/// The button that a cell waits for.
fn button_of(cell: &CodeCell) -> Option<String> {
    let trigger = match Cell::parse(&cell.source) {
        Ok(Cell::Sql(sql)) => sql.trigger,
        Ok(Cell::Report(report)) => report.trigger(),
        _ => return None,
    };
    match trigger {
        Trigger::Click(button) => Some(button),
        Trigger::Once | Trigger::Change => None,
    }
}

/// The place of the last cell whose form a query needs: its own where all fields are there by then.
fn needed_form(cells: &[CodeCell], place: usize) -> usize {
    let query = match Cell::parse(&cells[place].source) {
        Ok(Cell::Sql(sql)) => sql.query,
        Ok(Cell::Report(report)) => report.notes_field.map(|field| format!("${field}")).unwrap_or_default(),
        _ => return place,
    };
    let fields = |cell: &CodeCell| match Cell::parse(&cell.source) {
        Ok(Cell::Form(text)) => definition::parse(&text).unwrap_or_default(),
        _ => Vec::new(),
    };
    let known: BTreeSet<String> = cells[..place].iter().flat_map(fields).map(|field| field.name).collect();
    let is_missing = |name: &str| !known.contains(name) && is_mentioned(name, &query);
    let behind = cells.iter().enumerate().skip(place + 1);
    let needed = behind.filter(|(_, cell)| fields(cell).iter().any(|field| is_missing(&field.name)));
    needed.map(|(place, _)| place).next_back().unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_waits_for_the_forms_that_it_takes_values_from() {
        let cell = |source: &str| CodeCell {
            index: 0,
            id: String::new(),
            source: source.to_owned(),
            has_parameters: false,
            may_fail: false,
        };
        let cells = [
            "%%form\nhost = { type = \"text\" }\ngo = { type = \"button\" }",
            "%%sql --on go\nSELECT $host",
            "%%sql --on go\nSELECT $host, $port",
            "%%form\nport = { type = \"int\" }\nhost = { type = \"text\" }",
        ]
        .map(cell);
        assert_eq!([1, 2].map(|place| needed_form(&cells, place)), [1, 3]);
    }
}
