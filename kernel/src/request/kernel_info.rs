//! `kernel_info_request`: who we are. Answered before anything else is started.

use kernel_protocol::session::PROTOCOL_VERSION;
use serde_json::{Value, json};

/// The content of the reply.
pub fn answer() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "flowdeck",
        "implementation_version": version,
        "banner": format!("Flowdeck {version}: Rust and SQL over IP flows. %help lists what a cell can be."),
        "language_info": {
            "name": "rust",
            // The edition of cells; the compiler's version is not known before it is started.
            "version": "2024",
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "supported_features": [],
        "help_links": [],
    })
}
