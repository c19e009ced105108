//! Harmless activity that resembles the incident, so that finding it is not trivial.
//!
//! Like the incident a script of fixed size. Each kind is listed under `benign` in the ground truth.

use std::net::Ipv4Addr;

use crate::campus::{self, ADMIN_WORKSTATIONS, DESKTOP_HOSTS};
use crate::day::{DAY_US, MINUTE_US, SECOND_US, at};
use crate::dice::Dice;
use crate::flow::{Ending, Ends, Flow, Label, Volume};
use crate::incident::{self, DESKTOP_PORT};
use crate::internet::{STATUS_PAGE, STATUS_PAGE_DOMAIN, TIME_SOURCES};
use crate::talk::{self, Question};

/// Third octets of the networks that the vulnerability scanner covers each night, and the ports it tries.
const SCANNER_NETWORKS: [u8; 3] = [5, 6, 7];
const SCANNER_PORTS: [u16; 5] = [22, 80, 443, 445, 3389];
const SCANNER_START_US: u64 = at(2, 0, 0);
const SCANNER_GAP_US: u64 = 700_000;

const BACKUP_START_US: u64 = at(1, 0, 0);
const BACKUP_PORT: u16 = 9_102;
const BACKUP_BYTES_PER_SECOND: u64 = 80_000_000;

const UPTIME_INTERVAL_US: u64 = 300 * SECOND_US;
const TIME_INTERVAL_US: u64 = 1_024 * SECOND_US;
const ADMIN_SESSIONS: u64 = 12;
/// The last periodic flow begins at least this long before midnight.
const QUIET_US: u64 = 30 * SECOND_US;

/// All flows, in no order of time.
pub(crate) fn script(dice: &mut Dice) -> Vec<Flow> {
    let mut flows = Vec::new();
    vulnerability_scanner(dice, &mut flows);
    backup(dice, &mut flows);
    uptime_check(dice, &mut flows);
    time_sync(dice, &mut flows);
    admin_desktops(dice, &mut flows);
    for flow in &mut flows {
        flow.uid = Some(dice.uid(b'C'));
    }
    flows
}

fn vulnerability_scanner(dice: &mut Dice, flows: &mut Vec<Flow>) {
    let mut start_us = SCANNER_START_US;
    for network in SCANNER_NETWORKS {
        for host in 1..=254 {
            for port in SCANNER_PORTS {
                let target = Ipv4Addr::new(10, 20, network, host);
                let probe = incident::probe(dice, campus::VULNERABILITY_SCANNER, target, port, start_us);
                flows.push(probe.labelled(Label::VulnerabilityScanner));
                start_us += dice.between(SCANNER_GAP_US / 2, SCANNER_GAP_US);
            }
        }
    }
}

fn backup(dice: &mut Dice, flows: &mut Vec<Flow>) {
    let mut start_us = BACKUP_START_US;
    let mut clients = vec![campus::MAIL_SERVER, campus::PUBLIC_WEB, campus::DOMAIN_CONTROLLER];
    clients.extend(campus::FILE_SERVERS);
    clients.extend(campus::APPLICATION_SERVERS);
    for client in clients {
        let saved = dice.log_normal(9.0e9, 0.9, 400_000_000, 90_000_000_000);
        let duration_us = saved / BACKUP_BYTES_PER_SECOND * SECOND_US;
        let ends = Ends::ipv4(campus::BACKUP_SERVER, dice.client_port(), client, BACKUP_PORT);
        let request = dice.between(40_000, 160_000);
        let flow = Flow::tcp(ends, start_us, duration_us, (request, saved), Ending::Closed);
        flows.push(flow.labelled(Label::Backup));
        start_us += duration_us + dice.between(20, 90) * SECOND_US;
    }
}

fn uptime_check(dice: &mut Dice, flows: &mut Vec<Flow>) {
    const CHECKS_PER_LOOKUP: u64 = 12;
    let mut check_us = 17 * SECOND_US;
    let mut count = 0;
    while check_us < DAY_US - QUIET_US {
        let mut start_us = check_us + dice.below(SECOND_US / 2);
        if count % CHECKS_PER_LOOKUP == 0 {
            let question = Question::address(STATUS_PAGE_DOMAIN, &[STATUS_PAGE], 3_600);
            let lookup = talk::lookup(dice, campus::MONITORING.into(), start_us, question);
            start_us = lookup.end_us() + dice.between(400, 3_000);
            flows.push(lookup);
        }
        let ends = Ends::ipv4(campus::MONITORING, dice.client_port(), STATUS_PAGE, 443);
        let payload = (dice.between(610, 618), dice.between(4_900, 4_960));
        let duration_us = dice.between(80_000, 140_000);
        let check = talk::tls(dice, ends, start_us, duration_us, payload, Ending::Closed, STATUS_PAGE_DOMAIN);
        flows.push(check.labelled(Label::UptimeCheck));
        check_us += UPTIME_INTERVAL_US;
        count += 1;
    }
}

fn time_sync(dice: &mut Dice, flows: &mut Vec<Flow>) {
    const NTP_PAYLOAD_BYTES: u64 = 48;
    for source in TIME_SOURCES {
        let mut poll_us = dice.below(TIME_INTERVAL_US);
        while poll_us < DAY_US - QUIET_US {
            let ends = Ends { src: campus::TIME_SERVER.into(), src_port: 123, dst: source.into(), dst_port: 123 };
            let packet = Volume { packets: 1, payload: NTP_PAYLOAD_BYTES };
            let flow = Flow::udp(ends, poll_us, dice.between(8_000, 30_000), packet, packet);
            flows.push(flow.served_by("ntp").labelled(Label::TimeSync));
            poll_us += TIME_INTERVAL_US + dice.below(2 * SECOND_US);
        }
    }
}

/// Administrators at work: now and then a mistyped password, then a long session.
fn admin_desktops(dice: &mut Dice, flows: &mut Vec<Flow>) {
    for workstation in ADMIN_WORKSTATIONS {
        for session in 0..ADMIN_SESSIONS {
            let host = *dice.pick(&DESKTOP_HOSTS);
            let mut start_us = at(7, 45, 0) + session * 45 * MINUTE_US + dice.below(40 * MINUTE_US);
            for _ in 0..dice.below(3) {
                let mistake = incident::attempt(dice, workstation, host, start_us);
                flows.push(mistake.labelled(Label::AdminDesktop));
                start_us += dice.between(7, 25) * SECOND_US;
            }
            let ends = Ends::ipv4(workstation, dice.client_port(), host, DESKTOP_PORT);
            let duration_us = dice.log_normal(14.0 * MINUTE_US as f64, 0.7, 2 * MINUTE_US, 120 * MINUTE_US);
            let sent = dice.log_normal(1.4e6, 0.6, 200_000, 20_000_000);
            let payload = (sent, sent * dice.between(9, 22));
            let flow = Flow::tcp(ends, start_us, duration_us, payload, Ending::Closed).served_by("rdp");
            flows.push(flow.labelled(Label::AdminDesktop));
        }
    }
}
