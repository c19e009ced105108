//! The process that completes and explains: questions in, answers out, a line of JSON each. It runs no cell.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result};
use evcxr::CommandContext;
use serde_json::{Value, json};

use super::super::{
    commands, compiler,
    prelude::{Prelude, record::Check},
    preparation::Preparation,
    toolchain::Toolchain,
};

/// Stands in for the cell host: evcxr insists on running a first cell.
const NO_HOST: &str = "while read -r line; do echo EVCXR_EXECUTION_COMPLETE; done";

/// Answers questions until standard input ends. A panic of the analyser ends the process; the kernel starts another.
///
/// It ends with `kernel`, the process that started it.
///
/// # Errors
/// When there is no toolchain, or evcxr does not start.
pub fn serve(kernel: u32) -> Result<()> {
    super::super::processes::die_with(kernel);
    let mut context = open()?;
    for line in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line?).context("a question that is no JSON")?;
        let text = |field: &str| question.get(field).and_then(Value::as_str).unwrap_or_default();
        let byte = question.get("byte").and_then(Value::as_u64).and_then(|byte| usize::try_from(byte).ok());
        let answer = match text("question") {
            "complete" => complete(&mut context, text("code"), byte.unwrap_or(0)),
            _ => inspect(&mut context, text("code"), byte.unwrap_or(0)),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", json!({"number": question.get("number"), "answer": answer}))?;
        out.flush()?;
    }
    Ok(())
}

fn open() -> Result<CommandContext> {
    let folder = PathBuf::from(std::env::var_os("EVCXR_TMPDIR").context("EVCXR_TMPDIR is not set")?);
    let toolchain = Toolchain::find()?;
    let prelude = Prelude::ensure(&toolchain, Check::Sizes, &Preparation::default())
        .map_err(|error| tracing::warn!(%error, "analysis without the prelude"))
        .ok();
    let mut shell = Command::new("sh");
    shell.args(["-c", NO_HOST]);
    compiler::context(shell, &folder, prelude.as_ref()).map_err(|error| anyhow::anyhow!("evcxr: {error}"))
}

fn complete(context: &mut CommandContext, code: &str, byte: usize) -> Value {
    let Ok(found) = context.completions(code, byte).map_err(|error| tracing::debug!(%error, "no completions")) else {
        return Value::Null;
    };
    let items = found.completions.iter().filter(|item| commands::is_offered(&item.code));
    let items: Vec<Value> =
        items.map(|item| json!({"text": item.code, "kind": item.kind, "signature": item.label})).collect();
    json!({"start": found.start_offset, "end": found.end_offset, "items": items})
}

fn inspect(context: &mut CommandContext, code: &str, byte: usize) -> Value {
    match context.hover_at(code, byte) {
        Ok((text, _)) if !text.is_empty() && text != "No documentation found" => json!({"text": text}),
        Ok(_) => Value::Null,
        Err(error) => {
            tracing::debug!(%error, "no help");
            Value::Null
        }
    }
}
