//! Every request in, its answer out, bracketed by busy and idle exactly once, whatever happens in between.
//!
//! Cells are queued (see [`crate::execution`], which brackets them itself); all else is answered at once, also while
//! a cell runs. An answer that may take its time is given by a task of its own.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use kernel_protocol::{Channel, Message, socket::router};
use serde_json::{Value, json};

use crate::{kernel::Kernel, request};

/// Answers the requests of one channel for as long as the kernel runs.
pub async fn serve(kernel: Arc<Kernel>, channel: Channel, mut requests: router::Receiver, replies: router::Sender) {
    loop {
        let request = requests.receive().await;
        tracing::debug!(?channel, msg_type = request.msg_type(), "request");
        match request.msg_type() {
            "execute_request" => kernel.execution.enqueue(request),
            "complete_request" | "inspect_request" | "is_complete_request" | "history_request" | "usage_request" => {
                tokio::spawn(answer(kernel.clone(), channel, request, replies.clone()));
            }
            _ => answer(kernel.clone(), channel, request, replies.clone()).await,
        }
    }
}

async fn answer(kernel: Arc<Kernel>, channel: Channel, request: Message, replies: router::Sender) {
    kernel.status.busy(&request.header).await;
    // A panic in an answer must neither silence the kernel nor leave it busy.
    let content = match AssertUnwindSafe(route(&kernel, channel, &request)).catch_unwind().await {
        Ok(content) => content,
        Err(panic) => {
            let reason = panic_text(panic.as_ref());
            tracing::error!(reason, msg_type = request.msg_type(), "a request failed in the kernel");
            Some(failed(&format!("the kernel failed to answer: {reason}")))
        }
    };
    if let Some(content) = content
        && let Some(kind) = request.msg_type().strip_suffix("_request")
    {
        let reply = kernel.session.reply(&request, &format!("{kind}_reply"), content);
        replies.send(&reply).await;
    }
    kernel.status.idle(&request.header).await;
}

/// The content of the reply, or `None` when the request has none.
async fn route(kernel: &Arc<Kernel>, channel: Channel, request: &Message) -> Option<Value> {
    let content = match request.msg_type() {
        "kernel_info_request" => request::kernel_info::answer(),
        "complete_request" => request::complete::answer(kernel, request).await,
        "inspect_request" => request::inspect::answer(kernel, request).await,
        "is_complete_request" => request::is_complete::answer(request),
        "history_request" => request::history::answer(kernel, request).await,
        "comm_info_request" => request::comm::info(kernel, request).await,
        "comm_open" | "comm_msg" | "comm_close" => {
            kernel.widgets.receive(request).await;
            return None;
        }
        "connect_request" => json!({"status": "ok"}),
        "usage_request" => request::usage::answer(kernel.interpreters.rust.process()).await,
        "interrupt_request" => request::interrupt::answer(kernel),
        "shutdown_request" => request::shutdown::answer(kernel, request).await,
        other => {
            tracing::warn!(?channel, msg_type = other, "a request of a kind that is not answered");
            return None;
        }
    };
    Some(content)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}

/// The content of a reply to a request that failed.
pub fn failed(fact: &str) -> Value {
    json!({"status": "error", "ename": "KernelError", "evalue": fact, "traceback": []})
}
