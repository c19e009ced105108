//! What a cell host says about widgets and callbacks, done in the order in which it says it.

use std::sync::Arc;

use flowdeck::bridge::{self, Frame};
use kernel_protocol::wire::header::Header;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use widgets_comm::{
    WidgetError,
    buffers::{State, StateValue, WireState, split},
};

use super::{
    callbacks::{Wanted, buffers, with_buffers},
    current_cell::Place,
    host::Shared,
};
use crate::{outputs::Outputs, report::Report, widgets};

/// Whether this room answers for a frame of this kind.
pub fn is_one(kind: &str) -> bool {
    kind.starts_with("widget_") || matches!(kind, bridge::CALLBACK_ENDED | bridge::CANCEL)
}

/// Does what a frame says.
pub async fn take(shared: &Arc<Shared>, mut frame: Frame) {
    let outcome = match frame.kind() {
        bridge::WIDGET_OPEN | bridge::WIDGET_GET => {
            let id = frame.number("id");
            let answer = request(shared, frame).await;
            shared.reply(id, answer);
            return;
        }
        bridge::WIDGET_UPDATE => update(shared, &mut frame).await,
        bridge::WIDGET_CUSTOM => custom(shared, &mut frame).await,
        bridge::WIDGET_CLOSE => shared.widgets().close(&shared.cause(&frame), frame.text("widget")).await,
        bridge::WIDGET_DISPLAY => return display(shared, &frame).await,
        bridge::WIDGET_LINK | bridge::WIDGET_UNLINK => link(shared, &frame).await,
        bridge::WIDGET_LISTEN => {
            listen(shared, &frame).await;
            Ok(())
        }
        bridge::WIDGET_UNLISTEN => {
            shared.callbacks.forget(frame.number(bridge::CALLBACK));
            Ok(())
        }
        bridge::CALLBACK_ENDED => return callback_ended(shared, &frame).await,
        bridge::CANCEL => {
            shared.cell().cancel.cancel();
            shared.callbacks.cancel_all();
            Ok(())
        }
        _ => Ok(()),
    };
    if let (Err(error), Some(outputs)) = (outcome, shared.outputs_of(&frame)) {
        outputs.stream("stderr", format!("widget: {error}\n")).await;
    }
}

async fn request(shared: &Arc<Shared>, mut frame: Frame) -> Result<Frame, Report> {
    let refused = |error: WidgetError| Report::new("WidgetError", error.to_string());
    match frame.kind() {
        bridge::WIDGET_OPEN => {
            let state = state(&mut frame).map_err(refused)?;
            let (cause, model) = (shared.cause(&frame), frame.text("model"));
            shared.widgets().open(&cause, frame.text("widget"), model, state).await.map_err(refused)?;
            Ok(Frame::new(json!({})))
        }
        _ => {
            let names = names(&frame);
            let state = values(shared, frame.text("widget"), &names).await.map_err(refused)?;
            let WireState { state, buffer_paths, buffers } =
                split(state.iter().map(|(name, value)| (name.as_str(), value)));
            Ok(with_buffers(Frame::new(json!({"state": state, "buffer_paths": buffer_paths})), &buffers))
        }
    }
}

async fn values(
    shared: &Arc<Shared>,
    widget: &str,
    names: &[String],
) -> Result<Vec<(String, StateValue)>, WidgetError> {
    let mut found = Vec::new();
    for name in names {
        found.push((name.clone(), shared.widgets().read(widget, name).await?));
    }
    Ok(found)
}

async fn update(shared: &Arc<Shared>, frame: &mut Frame) -> Result<(), WidgetError> {
    let state = state(frame)?;
    shared.widgets().update(&shared.cause(frame), frame.text("widget"), state).await
}

async fn custom(shared: &Arc<Shared>, frame: &mut Frame) -> Result<(), WidgetError> {
    let buffers = buffers(frame);
    let content = frame.json.get("content").cloned().unwrap_or_default();
    shared.widgets().send(&shared.cause(frame), frame.text("widget"), content, buffers).await
}

async fn link(shared: &Arc<Shared>, frame: &Frame) -> Result<(), WidgetError> {
    let end = |field: &str| -> [String; 2] {
        let part =
            |index: usize| frame.json.get(field).and_then(|end| end[index].as_str()).unwrap_or_default().to_owned();
        [part(0), part(1)]
    };
    let (source, target) = (end("source"), end("target"));
    let is_directional = frame.json.get("directional").and_then(Value::as_bool).unwrap_or(false);
    let cause = shared.cause(frame);
    let (source, target) = ((source[0].as_str(), source[1].as_str()), (target[0].as_str(), target[1].as_str()));
    if frame.kind() == bridge::WIDGET_UNLINK {
        shared.widgets().unlink(source, target, is_directional).await;
        return Ok(());
    }
    shared.widgets().link(&cause, source, target, is_directional).await
}

async fn display(shared: &Arc<Shared>, frame: &Frame) {
    let Some(outputs) = shared.outputs_of(frame) else { return };
    shared.widgets().flush().await;
    match shared.widgets().view(frame.text("widget")).await {
        Some(bundle) => {
            let id = frame.json.get("display_id").cloned();
            let transient: Map<String, Value> = id.map(|id| ("display_id".to_owned(), id)).into_iter().collect();
            outputs.display(bundle, Map::new(), transient, false).await;
        }
        None => outputs.stream("stderr", "widget: it is closed and cannot be shown\n".to_owned()).await,
    }
}

async fn listen(shared: &Arc<Shared>, frame: &Frame) {
    let wanted = Wanted { on: frame.text("on").to_owned(), names: names(frame) };
    let outputs = callback_outputs(shared).await;
    let (callback, widget) = (frame.number(bridge::CALLBACK), frame.text("widget"));
    shared.callbacks.listen(callback, widget, wanted, outputs, shared.widgets(), shared.sender());
}

/// Where what a callback puts out is shown: an Output widget below the cell that registered it, so that it is seen in
/// every front end, after a reload too.
async fn callback_outputs(shared: &Arc<Shared>) -> Outputs {
    let (area, header, is_over) = {
        let cell = shared.cell();
        (cell.callback_area.clone(), cell.header.clone(), cell.is_over)
    };
    if let Some(area) = area {
        return Outputs::of_widget(shared.widgets().clone(), area, header);
    }
    let area = widgets::new_id();
    if let Err(error) = shared.widgets().open(&header, &area, "OutputModel", State::new()).await {
        tracing::error!(%error, "callbacks have no place for their output");
    }
    shared.cell().callback_area = Some(area.clone());
    if is_over {
        // Registered by a thread or another callback: its cell has been shown already.
        shared.show_callback_area().await;
    }
    Outputs::of_widget(shared.widgets().clone(), area, header)
}

async fn callback_ended(shared: &Arc<Shared>, frame: &Frame) {
    let number = frame.number(bridge::CALLBACK);
    if let (Some(panic), Some(outputs)) = (frame.json.get("panic"), shared.outputs_of(frame)) {
        let message = panic["message"].as_str().unwrap_or("the callback panicked");
        // Whose cell it is from says more here than whose cell ran last.
        let place = panic.as_object().and_then(|panic| Place::new(panic).words(0));
        let place = place.map(|place| format!(" {place}")).unwrap_or_default();
        let report = Report::new("Panic", message)
            .with_hint(format!("a callback panicked{place}; it runs again at the next event"));
        outputs.error(&report).await;
    }
    shared.widgets().flush().await;
    shared.callbacks.ended(number, &shared.sender());
}

/// The state in a frame, with the buffers behind it.
fn state(frame: &mut Frame) -> Result<State, WidgetError> {
    let buffers = buffers(frame);
    let field = |name: &str, missing: Value| frame.json.get(name).cloned().unwrap_or(missing);
    let (state, paths) = (field("state", json!({})), field("buffer_paths", json!([])));
    Ok(State::from_wire(state, &paths, &buffers)?)
}

fn names(frame: &Frame) -> Vec<String> {
    let names = frame.json.get("names").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The token that ends what a frame's thread waits for.
pub fn cancellation(shared: &Shared, frame: &Frame) -> CancellationToken {
    let of_callback = frame.json.get(bridge::CALLBACK).and_then(Value::as_u64);
    let token = of_callback.and_then(|callback| shared.callbacks.cancellation(callback));
    token.unwrap_or_else(|| shared.cell().cancel.clone()).child_token()
}

impl Shared {
    /// What led to a frame: the event of its callback, or the cell's request.
    fn cause(&self, frame: &Frame) -> Header {
        let of_callback = frame.json.get(bridge::CALLBACK).and_then(Value::as_u64);
        let cause = of_callback.and_then(|callback| self.callbacks.cause(callback));
        cause.unwrap_or_else(|| self.cell().header.clone())
    }
}
