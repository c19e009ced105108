//! The incident: 10.20.5.23 scans, guesses remote desktop passwords, breaks in, and the broken host calls home.
//!
//! A script with its own stream of chance and a fixed size, whatever the amount of background. What was really
//! written is counted in `truth`, not here.

use std::net::Ipv4Addr;

use crate::campus::{self, ATTACKER, COMPROMISED, DESKTOP_HOSTS};
use crate::day::{DAY_US, MINUTE_US, SECOND_US, at};
use crate::dice::Dice;
use crate::flow::{Ending, Ends, Flow, Label, Volume};
use crate::internet::{BEACON_DESTINATION, BEACON_DOMAIN};
use crate::talk::{self, Question};

pub(crate) const DESKTOP_PORT: u16 = 3389;
pub(crate) const FILE_SHARE_PORT: u16 = 445;

/// Third octets of the /24 networks that the scan covers, its own surroundings first.
pub(crate) const SCANNED_NETWORKS: [u8; 20] = [5, 6, 4, 7, 3, 8, 2, 9, 1, 10, 0, 11, 12, 13, 14, 15, 16, 17, 32, 33];
/// Third octets of the networks also tried on the file share port.
const FILE_SHARE_NETWORKS: [u8; 3] = [5, 6, 7];
const SCAN_START_US: u64 = at(9, 40, 7);
const SCAN_END_US: u64 = at(10, 2, 50);
const FILE_SHARE_SCAN_START_US: u64 = at(9, 52, 10);
const FILE_SHARE_SCAN_END_US: u64 = at(9, 58, 30);
/// Share of silent targets that are sent a second SYN.
const RETRY_SHARE: f64 = 0.2;
/// Share of living hosts whose firewall drops instead of refusing.
const SILENT_SHARE: f64 = 0.15;

const GUESS_START_US: u64 = at(10, 5, 12);
const GUESS_END_US: u64 = at(10, 44, 50);
const GUESS_GAP_US: u64 = 9 * SECOND_US;
/// The band of NEMEA's brute force detector for port 3389: packets and layer 3 octets of each side.
pub(crate) const GUESS_PACKETS: (u64, u64) = (20, 100);
pub(crate) const GUESS_BYTES: (u64, u64) = (2_200, 8_001);
pub(crate) const GUESS_REVERSE_PACKETS: (u64, u64) = (30, 190);
pub(crate) const GUESS_REVERSE_BYTES: (u64, u64) = (3_000, 180_000);

const BREAK_IN_US: u64 = at(10, 31, 26);
const BREAK_IN_DURATION_US: u64 = 17 * MINUTE_US + 41 * SECOND_US;
const BREAK_IN_VOLUME: Volume = Volume { packets: 21_480, payload: 3_260_417 };
const BREAK_IN_REVERSE: Volume = Volume { packets: 38_902, payload: 41_778_236 };

const BEACON_START_US: u64 = at(10, 41, 30);
pub(crate) const BEACON_INTERVAL_S: u64 = 300;
pub(crate) const BEACON_JITTER_S: f64 = 4.0;
pub(crate) const BEACON_PORT: u16 = 443;
/// The last call begins at least this long before midnight, so that it is over by then.
const BEACON_QUIET_US: u64 = 30 * SECOND_US;
const BEACON_TTL_S: u32 = 60;
/// Share of calls that bring a task and so a larger answer.
const TASK_SHARE: f64 = 0.03;

/// All flows of the incident, in the order of the story, not of time.
pub(crate) fn script(dice: &mut Dice) -> Vec<Flow> {
    let mut flows = Vec::new();
    scan(dice, &SCANNED_NETWORKS, DESKTOP_PORT, (SCAN_START_US, SCAN_END_US), &mut flows);
    let file_share_time = (FILE_SHARE_SCAN_START_US, FILE_SHARE_SCAN_END_US);
    scan(dice, &FILE_SHARE_NETWORKS, FILE_SHARE_PORT, file_share_time, &mut flows);
    for victim in DESKTOP_HOSTS {
        guess(dice, victim, &mut flows);
    }
    flows.push(break_in(dice));
    beacon(dice, &mut flows);
    for flow in &mut flows {
        flow.uid = Some(dice.uid(b'C'));
    }
    flows
}

/// What a single probe of `dst` on `port` looks like; also used for the legitimate scanner.
pub(crate) fn probe(dice: &mut Dice, src: Ipv4Addr, dst: Ipv4Addr, port: u16, start_us: u64) -> Flow {
    let ends = Ends::ipv4(src, dice.client_port(), dst, port);
    if campus::listens(dst, port) {
        Flow::tcp_half_open(ends, start_us, dice.between(300, 2_500))
    } else if campus::is_alive(dst) && !dice.chance(SILENT_SHARE) {
        Flow::tcp_refused(ends, start_us, dice.between(150, 900))
    } else {
        let attempts = if dice.chance(RETRY_SHARE) { 2 } else { 1 };
        Flow::tcp_unanswered(ends, start_us, dice.between(SECOND_US, SECOND_US + 40_000), attempts)
    }
}

fn scan(dice: &mut Dice, networks: &[u8], port: u16, (start_us, end_us): (u64, u64), flows: &mut Vec<Flow>) {
    let mut targets = Vec::new();
    for network in networks {
        let mut hosts: Vec<u8> = (1..=254).collect();
        dice.shuffle(&mut hosts);
        let addresses = hosts.into_iter().map(|host| Ipv4Addr::new(10, 20, *network, host));
        targets.extend(addresses.filter(|address| *address != ATTACKER));
    }
    let gap_us = (end_us - start_us) / targets.len() as u64;
    for (index, target) in targets.into_iter().enumerate() {
        let start_us = start_us + index as u64 * gap_us + dice.below(gap_us);
        flows.push(probe(dice, ATTACKER, target, port, start_us).labelled(Label::Scan));
    }
}

fn guess(dice: &mut Dice, victim: Ipv4Addr, flows: &mut Vec<Flow>) {
    let end_us = if victim == COMPROMISED { BREAK_IN_US - GUESS_GAP_US / 2 } else { GUESS_END_US };
    let mut start_us = GUESS_START_US + dice.below(GUESS_GAP_US);
    while start_us < end_us {
        flows.push(attempt(dice, ATTACKER, victim, start_us).labelled(Label::Guess));
        start_us += GUESS_GAP_US + dice.below(GUESS_GAP_US / 2) - GUESS_GAP_US / 4;
    }
}

/// A failed logon over remote desktop; also made by people who mistype.
pub(crate) fn attempt(dice: &mut Dice, src: Ipv4Addr, dst: Ipv4Addr, start_us: u64) -> Flow {
    // With 52 octets of headers a packet, these ranges stay inside the band for every draw.
    let forward = Volume { packets: dice.between(23, 38), payload: dice.between(1_700, 3_400) };
    let reverse = Volume { packets: dice.between(32, 60), payload: dice.between(2_400, 9_500) };
    let ending = if dice.chance(0.7) { Ending::ResetByServer } else { Ending::Closed };
    let duration_us = dice.log_normal(2_400_000.0, 0.25, 900_000, 6_000_000);
    let ends = Ends::ipv4(src, dice.client_port(), dst, DESKTOP_PORT);
    Flow::tcp_counted(ends, start_us, duration_us, forward, reverse, ending).served_by("rdp")
}

fn break_in(dice: &mut Dice) -> Flow {
    let ends = Ends::ipv4(ATTACKER, dice.client_port(), COMPROMISED, DESKTOP_PORT);
    let start_us = BREAK_IN_US + dice.below(SECOND_US);
    Flow::tcp_counted(ends, start_us, BREAK_IN_DURATION_US, BREAK_IN_VOLUME, BREAK_IN_REVERSE, Ending::Closed)
        .served_by("rdp")
        .labelled(Label::BreakIn)
}

fn beacon(dice: &mut Dice, flows: &mut Vec<Flow>) {
    let mut call_us = BEACON_START_US;
    while call_us < DAY_US - BEACON_QUIET_US {
        let question = Question::address(BEACON_DOMAIN, &[BEACON_DESTINATION], BEACON_TTL_S);
        let lookup = talk::lookup(dice, COMPROMISED.into(), call_us, question).labelled(Label::BeaconLookup);
        let start_us = lookup.end_us() + dice.between(400, 3_000);
        flows.push(lookup);

        let ends = Ends::ipv4(COMPROMISED, dice.client_port(), BEACON_DESTINATION, BEACON_PORT);
        let answer = if dice.chance(TASK_SHARE) { dice.between(18_000, 64_000) } else { dice.between(1_320, 1_440) };
        let payload = (dice.between(590, 650), answer);
        let duration_us = dice.between(310_000, 560_000);
        let call = talk::tls(dice, ends, start_us, duration_us, payload, Ending::Closed, BEACON_DOMAIN);
        flows.push(call.labelled(Label::Beacon));

        let gap_s = dice.normal(BEACON_INTERVAL_S as f64, BEACON_JITTER_S);
        call_us += (gap_s * SECOND_US as f64) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guess_is_inside_the_band() {
        let flows = script(&mut Dice::new(3, 1));
        let within = |value: u64, (low, high): (u64, u64)| (low..=high).contains(&value);
        let guesses: Vec<&Flow> = flows.iter().filter(|flow| flow.label == Label::Guess).collect();
        assert!(guesses.len() > 1_000);
        for guess in guesses {
            assert!(within(guess.forward.packets, GUESS_PACKETS) && within(guess.forward.bytes, GUESS_BYTES));
            assert!(within(guess.reverse.packets, GUESS_REVERSE_PACKETS));
            assert!(within(guess.reverse.bytes, GUESS_REVERSE_BYTES));
        }
    }

    #[test]
    fn lookups_precede_their_calls() {
        let flows = script(&mut Dice::new(3, 1));
        let story: Vec<&Flow> =
            flows.iter().filter(|flow| matches!(flow.label, Label::Beacon | Label::BeaconLookup)).collect();
        assert!(story.len() > 300);
        for pair in story.chunks(2) {
            assert_eq!((pair[0].label, pair[1].label), (Label::BeaconLookup, Label::Beacon));
            assert!(pair[0].end_us() < pair[1].start_us);
        }
    }
}
