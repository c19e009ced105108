//! A running kernel: sockets bound, parts connected, until shutdown is asked for or the parent dies.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use flow_engine::Progress;
use kernel_protocol::{
    Channel, Session,
    connection_file::{self, ConnectionInfo},
    socket::{Addresses, heartbeat, iopub::Iopub, router},
    wire::header::Header,
};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    case_report::button::ReportButtons,
    dispatch,
    execution::{self, Cells, Execution},
    form::{Forms, live::LiveQueries},
    history::History,
    interpreter::{Interpreters, rust::RustCells},
    pace::Pace,
    playbooks,
    plot::select::SelectablePlots,
    results::Results,
    status::Status,
    stdin::Stdin,
    table::Tables,
    widgets::Widgets,
};

/// How often the parent process is looked for, as ipykernel does.
const PARENT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long the last replies may take to leave.
const LINGER: Duration = Duration::from_secs(1);

/// Time for the clients to read them: what a client says meanwhile would make the closing connection throw them away.
const FAREWELL: Duration = Duration::from_millis(50);

/// Everything that requests need. Shared by all tasks.
pub struct Kernel {
    /// Makes messages.
    pub session: Arc<Session>,
    /// Publishes outputs.
    pub iopub: Iopub,
    /// Says busy and idle.
    pub status: Status,
    /// Asks the person at the front end.
    pub stdin: Arc<Stdin>,
    /// The queue of cells.
    pub execution: Execution,
    /// Runs cells.
    pub interpreters: Interpreters,
    /// The live widgets.
    pub widgets: Arc<Widgets>,
    /// The forms of `%%form` cells.
    pub forms: Arc<Forms>,
    /// The tables that results are shown in.
    pub tables: Arc<Tables>,
    /// The plots in which a person can select.
    pub plots: SelectablePlots,
    /// Queries that wait for a click or a change.
    pub live: LiveQueries,
    /// The named results of cells, with what they were asked with.
    pub results: Results,
    /// Reports that wait for a click.
    pub reports: ReportButtons,
    /// How far the query that reported last is, for who runs a notebook without a page.
    pub progress: watch::Sender<Progress>,
    /// Commands about playbooks that wait for their buttons, by the key of their cell.
    pub managed: Mutex<BTreeMap<String, Arc<playbooks::area::Area>>>,
    /// Keeps output below the limits of the server.
    pub pace: Arc<Pace>,
    /// The cells run so far.
    pub history: History,
    stopping: CancellationToken,
}

impl Kernel {
    /// Puts the rooms of a kernel together around its channels. Starts no task: what is published is heard by whoever made
    /// `iopub`, and changes of widgets gather until [`Widgets::serve`] runs.
    pub fn assemble(session: Arc<Session>, iopub: Iopub, stdin: Stdin, rust: RustCells) -> (Arc<Kernel>, Cells) {
        let (execution, cells) = execution::queue();
        let (history, pace) = (History::start(), Arc::new(Pace::of_environment()));
        let widgets = Arc::new(Widgets::new(session.clone(), iopub.clone(), pace.clone()));
        let forms = Arc::new(Forms::new(widgets.clone()));
        let tables = Arc::new(Tables::new(widgets.clone(), forms.clone()));
        let plots = SelectablePlots::new(widgets.clone(), forms.clone(), tables.clone());
        let status = Status::new(iopub.clone(), pace.clone());
        let kernel = Arc::new(Kernel {
            session,
            iopub,
            status,
            stdin: Arc::new(stdin),
            execution,
            interpreters: Interpreters::new(rust),
            widgets,
            forms,
            tables,
            plots,
            live: LiveQueries::default(),
            results: Results::default(),
            reports: ReportButtons::default(),
            progress: watch::Sender::new(Progress::default()),
            managed: Mutex::default(),
            pace,
            history,
            stopping: CancellationToken::new(),
        });
        (kernel, cells)
    }

    /// Ends the process once the messages under way are out.
    pub fn stop(&self) {
        self.stopping.cancel();
    }
}

/// Runs a kernel on the connection file until shutdown.
///
/// # Errors
/// When the connection file is unusable or an address cannot be bound.
pub fn run(connection_file: &Path) -> anyhow::Result<()> {
    let info = connection_file::read(connection_file)?;
    let rust = RustCells::prepare()?;
    // Protocol only: queries, cells and the compiler have threads of their own. One thread, because a message passes through
    // five tasks, and waking another thread for one of them takes longer than all of them do.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = runtime.block_on(serve(&info, rust));
    // Threads in a query or in the compiler are not waited for.
    runtime.shutdown_background();
    outcome
}

async fn serve(info: &ConnectionInfo, rust: RustCells) -> anyhow::Result<()> {
    let session = Arc::new(Session::new(&info.signature_scheme, &info.key)?);
    let addresses = Addresses::of(info);
    addresses.remove_stale_files(info);
    let iopub = Iopub::bind(&addresses.iopub, session.clone()).await?;
    let (shell_sender, shell) = router::bind("shell", &addresses.shell, session.clone()).await?;
    let (control_sender, control) = router::bind("control", &addresses.control, session.clone()).await?;
    let (stdin_sender, answers) = router::bind("stdin", &addresses.stdin, session.clone()).await?;
    heartbeat::serve(&addresses.heartbeat).await?;
    iopub.publish(&Header::default(), "status", json!({"execution_state": "starting"})).await;

    let stdin = Stdin::new(session.clone(), stdin_sender, iopub.clone());
    let (kernel, cells) = Kernel::assemble(session, iopub, stdin, rust);
    let farewells = [shell_sender.clone(), control_sender.clone()];
    tokio::spawn(execution::run(kernel.clone(), cells, shell_sender.clone()));
    tokio::spawn(dispatch::serve(kernel.clone(), Channel::Shell, shell, shell_sender));
    tokio::spawn(dispatch::serve(kernel.clone(), Channel::Control, control, control_sender));
    tokio::spawn({
        let stdin = kernel.stdin.clone();
        async move { stdin.serve(answers).await }
    });
    tokio::spawn({
        let widgets = kernel.widgets.clone();
        async move { widgets.serve().await }
    });
    kernel.interpreters.warm_up(kernel.widgets.clone(), kernel.forms.clone(), kernel.tables.clone());

    tokio::select! {
        () = kernel.stopping.cancelled() => tracing::info!("shutdown"),
        () = parent_death() => tracing::warn!("the process that started this kernel is gone"),
        () = termination() => tracing::info!("terminated by a signal"),
    }
    kernel.iopub.barrier().await;
    for replies in farewells {
        replies.drained(LINGER).await;
    }
    tokio::time::sleep(FAREWELL).await;
    kernel.interpreters.stop();
    addresses.remove_stale_files(info);
    Ok(())
}

/// Completes when the process that started us dies; never when nobody said who that is.
async fn parent_death() {
    let parent = std::env::var("JPY_PARENT_PID").ok().and_then(|pid| pid.parse::<u32>().ok());
    match parent {
        // Without a parent to watch (started by hand) or under process 1 there is nothing to wait for.
        None | Some(0 | 1) => std::future::pending().await,
        Some(parent) => {
            while std::os::unix::process::parent_id() == parent || is_alive(parent) {
                tokio::time::sleep(PARENT_POLL_INTERVAL).await;
            }
        }
    }
}

fn is_alive(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // Safety: signal 0 only asks whether the process is there.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Completes on SIGTERM. SIGINT is for terminals: in message mode interrupts come as requests.
async fn termination() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM will not be handled");
            std::future::pending::<()>().await;
        }
    }
}
