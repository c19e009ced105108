//! Keeps output below what Jupyter Server passes on: beyond its limits it drops messages, and nothing may be lost.
//!
//! The server counts over three seconds, starts anew at every idle, and takes 1000 messages and 1 MB of stream text a
//! second (`iopub_msg_rate_limit`, `iopub_data_rate_limit`). Whoever puts out more waits, a little below those limits.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// Burst and three seconds of the steady rate stay below three seconds of the server's.
const TEXT_BYTES: Budget = Budget { burst: 1_200_000.0, per_second: 550_000.0 };
const MESSAGES: Budget = Budget { burst: 1_200.0, per_second: 550.0 };

#[derive(Clone, Copy)]
struct Budget {
    burst: f64,
    per_second: f64,
}

/// What may be put out now.
pub struct Pace {
    /// `None` where nobody counts.
    left: Option<Mutex<Left>>,
}

struct Left {
    text_bytes: f64,
    messages: f64,
    at: Instant,
}

impl Pace {
    /// A pace for the server that started this kernel; without one there is no limit.
    pub fn of_environment() -> Pace {
        // The first is set by Jupyter Server for each notebook, the second by Voilà.
        let is_behind_server =
            ["JPY_SESSION_NAME", "SERVER_SOFTWARE"].iter().any(|name| std::env::var_os(name).is_some());
        Pace { left: is_behind_server.then(|| Mutex::new(Left::full(Instant::now()))) }
    }

    /// The kernel said idle: the server counts from zero.
    pub fn start_anew(&self) {
        if let Some(left) = &self.left {
            *left.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Left::full(Instant::now());
        }
    }

    /// Waits until a message with this many bytes of stream text may go out.
    pub async fn wait(&self, text_bytes: usize) {
        let Some(left) = &self.left else { return };
        let pause = left.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take(text_bytes, Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

impl Left {
    fn full(at: Instant) -> Left {
        Left { text_bytes: TEXT_BYTES.burst, messages: MESSAGES.burst, at }
    }

    /// Takes one message from what is left; gives how long it must wait. What is left may be negative: that is what
    /// the messages before it wait for.
    fn take(&mut self, text_bytes: usize, now: Instant) -> Duration {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        let refilled = |left: f64, budget: Budget| budget.burst.min(left + seconds * budget.per_second);
        self.text_bytes = refilled(self.text_bytes, TEXT_BYTES) - text_bytes as f64;
        self.messages = refilled(self.messages, MESSAGES) - 1.0;
        self.at = now;
        let pause = |left: f64, budget: Budget| (-left / budget.per_second).max(0.0);
        Duration::from_secs_f64(pause(self.text_bytes, TEXT_BYTES).max(pause(self.messages, MESSAGES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server's own count: everything of the last three seconds.
    fn most_in_three_seconds(sent: &[(Duration, usize)]) -> usize {
        let window = Duration::from_secs(3);
        let sum = |end: Duration| {
            sent.iter().filter(|(at, _)| *at <= end && *at + window > end).map(|(_, count)| count).sum::<usize>()
        };
        sent.iter().map(|(at, _)| sum(*at)).max().unwrap_or_default()
    }

    #[track_caller]
    fn check(text_bytes: usize, count: usize, limit: usize, of: fn(usize) -> usize) {
        let start = Instant::now();
        let mut left = Left::full(start);
        let mut now = start;
        let sent: Vec<(Duration, usize)> = (0..count)
            .map(|_| {
                now += left.take(text_bytes, now);
                (now - start, of(text_bytes))
            })
            .collect();
        let most = most_in_three_seconds(&sent);
        assert!(most <= limit, "{most} in three seconds");
        assert!(now > start, "a flood waits");
    }

    #[test]
    fn a_flood_stays_below_the_limits_of_the_server_in_any_three_seconds() {
        check(64 * 1024, 200, 3 * 1_000_000, |bytes| bytes);
        check(10, 6_000, 3 * 1_000, |_| 1);
    }

    #[test]
    fn ordinary_output_does_not_wait() {
        let now = Instant::now();
        let mut left = Left::full(now);
        assert!((0..1000).all(|_| left.take(1000, now).is_zero()));
    }
}
