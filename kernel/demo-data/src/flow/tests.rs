//! Tests of the constructors: counters, flags, state and history must agree.

use super::*;
use crate::day::at;

fn ends() -> Ends {
    Ends { src: [10, 20, 32, 9].into(), src_port: 50_000, dst: [192, 0, 2, 7].into(), dst_port: 443 }
}

#[test]
fn counters_flags_and_history_agree() {
    let closed = Flow::tcp(ends(), at(9, 0, 0), 1_000_000, (700, 30_000), Ending::Closed);
    assert_eq!((closed.conn_state, closed.forward.tcp_flags), ("SF", 0x1b));
    assert!(closed.reverse.bytes > closed.reverse.payload);
    let silent = Flow::tcp_unanswered(ends(), 0, 3_000_000, 1);
    assert_eq!((silent.duration_us, silent.forward.tcp_flags & 31, silent.reverse.packets), (0, 2, 0));
    let probe = Flow::tcp_half_open(ends(), 0, 900);
    assert_eq!((probe.forward.bytes, probe.reverse.bytes), (80, 60));
}

#[test]
fn midnight_leaves_a_connection_open() {
    let mut late = Flow::tcp(ends(), at(23, 59, 0), 120_000_000, (700, 30_000), Ending::Closed);
    late.cut_at_midnight();
    assert_eq!((late.end_us(), late.conn_state, late.reverse.tcp_flags), (DAY_US, "S1", 0x1a));
}
