//! The order of the day: scripted flows and background merged minute by minute, exactly as many as asked for.
//!
//! Holds one minute at a time, so memory does not grow with the length of the day. Which flows Zeek saw is decided
//! here too. Nothing is written here.

use crate::background::{Background, SESSION_FLOWS_MAX, SESSION_SPREAD_US};
use crate::day::{DAY_MINUTES, MINUTE_US};
use crate::flow::Flow;

/// How busy people are at each full hour, between 0 and 1; the last value is midnight again.
const ACTIVITY: [f64; 25] = [
    0.06, 0.04, 0.03, 0.03, 0.04, 0.06, 0.14, 0.42, 0.84, 1.0, 1.0, 0.95, 0.74, 0.88, 1.0, 0.96, 0.84, 0.62, 0.44,
    0.36, 0.31, 0.24, 0.15, 0.09, 0.06,
];
/// Machines never sleep: this much traffic remains when nobody is there.
const MACHINE_ACTIVITY: f64 = 0.12;

#[derive(Debug)]
pub(crate) struct Timeline {
    background: Background,
    /// In descending order of start, so that the next one is at the end.
    scripted: Vec<Flow>,
    /// Flows already drawn that begin after the minute they were drawn in.
    ahead: Vec<Flow>,
    minute: u64,
    /// Summed weight of the minutes passed, and of the whole day.
    weight_passed: f64,
    weight_day: f64,
    /// Background flows wanted, drawn so far, and those of them given to Zeek.
    background_total: u64,
    background_drawn: u64,
    background_logged: u64,
    background_logged_max: u64,
}

impl Timeline {
    /// `scripted` flows take part whatever happens; Zeek sees all of them and at most `zeek_rows_max` in all.
    pub(crate) fn new(background: Background, mut scripted: Vec<Flow>, flows: u64, zeek_rows_max: u64) -> Self {
        let scripted_count = scripted.len() as u64;
        // The sort is stable, so flows of the same microsecond keep the order of the script.
        scripted.sort_by_key(|flow| flow.start_us);
        scripted.reverse();
        let background_total = flows.saturating_sub(scripted_count);
        Self {
            background,
            scripted,
            ahead: Vec::new(),
            minute: 0,
            weight_passed: 0.0,
            weight_day: (0..DAY_MINUTES).map(weight).sum(),
            background_total,
            background_drawn: 0,
            background_logged: 0,
            background_logged_max: background_total.min(zeek_rows_max.saturating_sub(scripted_count)),
        }
    }

    /// The flows that begin in the next minute, in order of their start; `None` when the day is over.
    pub(crate) fn next_minute(&mut self) -> Option<Vec<Flow>> {
        if self.minute == DAY_MINUTES {
            return None;
        }
        let start_us = self.minute * MINUTE_US;
        self.draw_background(start_us);
        self.minute += 1;
        let end_us = start_us + MINUTE_US;

        let mut flows = std::mem::take(&mut self.ahead);
        while self.scripted.last().is_some_and(|flow| flow.start_us < end_us) {
            flows.extend(self.scripted.pop());
        }
        flows.sort_by_key(|flow| flow.start_us);
        let present = flows.partition_point(|flow| flow.start_us < end_us);
        self.ahead = flows.split_off(present);
        flows.iter_mut().for_each(Flow::cut_at_midnight);
        Some(flows)
    }

    fn draw_background(&mut self, start_us: u64) {
        self.weight_passed += weight(self.minute);
        let is_last = self.minute + 1 == DAY_MINUTES;
        let due = if is_last {
            self.background_total
        } else {
            (self.background_total as f64 * self.weight_passed / self.weight_day) as u64
        };
        // What begins in the last minute must have started all its flows by midnight.
        let room_us = if is_last { MINUTE_US - SESSION_SPREAD_US } else { MINUTE_US };
        self.background.set_activity(activity(self.minute));
        while self.background_drawn < due {
            let session_us = start_us + self.background.dice().below(room_us);
            self.draw_session(session_us);
        }
    }

    fn draw_session(&mut self, start_us: u64) {
        let first = self.ahead.len();
        if self.background_total - self.background_drawn < SESSION_FLOWS_MAX {
            let flow = self.background.lone_flow(start_us);
            self.ahead.push(flow);
        } else {
            self.background.session(start_us, &mut self.ahead);
        }
        let drawn = (self.ahead.len() - first) as u64;
        self.background_drawn += drawn;
        if self.zeek_sees(drawn) {
            self.background_logged += drawn;
            for flow in &mut self.ahead[first..] {
                flow.uid = Some(self.background.dice().uid(b'C'));
            }
        }
    }

    /// Whole sessions are kept or left out, evenly over the day, so that a lookup stays with its connections.
    fn zeek_sees(&self, drawn: u64) -> bool {
        let logged = u128::from(self.background_logged + drawn) * u128::from(self.background_total);
        logged <= u128::from(self.background_drawn) * u128::from(self.background_logged_max)
    }
}

fn weight(minute: u64) -> f64 {
    MACHINE_ACTIVITY + activity(minute)
}

fn activity(minute: u64) -> f64 {
    let (hour, rest) = ((minute / 60) as usize, (minute % 60) as f64 / 60.0);
    ACTIVITY[hour] + (ACTIVITY[hour + 1] - ACTIVITY[hour]) * rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use crate::internet::Internet;

    #[track_caller]
    fn check(flows: u64, zeek_rows_max: u64) {
        let internet = Internet::new(&mut Dice::new(5, 0));
        let mut timeline = Timeline::new(Background::new(Dice::new(5, 3), internet), Vec::new(), flows, zeek_rows_max);
        let (mut count, mut logged, mut last_us) = (0, 0, 0);
        while let Some(minute) = timeline.next_minute() {
            for flow in minute {
                assert!(flow.start_us >= last_us && flow.end_us() <= crate::day::DAY_US);
                last_us = flow.start_us;
                count += 1;
                logged += u64::from(flow.uid.is_some());
            }
        }
        assert!(timeline.ahead.is_empty(), "nothing begins after midnight");
        assert_eq!(count, flows);
        assert!(logged <= zeek_rows_max.min(flows));
        assert!(logged + SESSION_FLOWS_MAX >= zeek_rows_max.min(flows));
    }

    #[test]
    fn as_many_flows_as_asked_in_order() {
        check(0, 100);
        check(1, 100);
        check(1_500, 100_000);
        check(9_000, 1_000);
    }
}
