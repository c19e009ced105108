//! `blocklists/c2.csv` and `domains.txt`: invented lists on which the implant's address and name stand among others that
//! nobody of the campus ever talks to.
//!
//! The incident's host is thus listed, as it would be a day later. No harmless site is.

use std::fmt::Write;

use crate::incident::BEACON_PORT;
use crate::internet::{BEACON_DESTINATION, BEACON_DOMAIN, registered_domain};

/// What both lists say of themselves: made on the evening of the day.
const HEAD: &str = "# Invented for the demo data of Flowdeck\n# Last updated: 2024-02-05 18:00:00 UTC\n";
/// So many others are on each list.
const OTHERS: u8 = 40;
const OTHER_PORTS: [u16; 4] = [443, 8080, 4444, 447];

/// Lines `ip,port,date`. The others are of a range for documentation that the invented internet does not use.
pub(crate) fn addresses() -> String {
    let mut text = format!("{HEAD}ip,port,date\n");
    for other in 1..=OTHERS {
        let (port, day) = (OTHER_PORTS[usize::from(other) % OTHER_PORTS.len()], 1 + other % 28);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "233.252.0.{other},{port},2024-01-{day:02}");
    }
    let _ = writeln!(text, "{BEACON_DESTINATION},{BEACON_PORT},2024-02-05");
    text
}

/// One domain a line. The others are below a name that can never be registered.
pub(crate) fn names() -> String {
    let mut text = HEAD.to_owned();
    for other in 1..=OTHERS {
        let _ = writeln!(text, "panel-{other}.invalid");
    }
    let _ = writeln!(text, "{}", registered_domain(BEACON_DOMAIN));
    text
}
