//! TCP flags from Zeek's connection history.
//!
//! Upper-case letters are packets of the originator, lower-case of the responder: S SYN, H SYN+ACK, A pure ACK, D
//! data, F FIN, R RST, I FIN with RST, Q SYN with FIN or RST; `^` marks a connection Zeek turned round. Other letters
//! (checksum, gap, retransmission, window) say nothing about flags.

const FIN: u16 = 0x01;
const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const ACK: u16 = 0x10;

/// Whose packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Originator,
    Responder,
}

/// The flags one side has certainly sent, as a bit set of RFC 9293; `None` when nothing says so.
///
/// A data packet counts as ACK, which every TCP segment with data carries; whether it had PSH is not recorded.
pub(crate) fn tcp_flags(history: &str, side: Side) -> Option<u16> {
    let mut flags = 0;
    for letter in history.bytes() {
        let of_side = match side {
            Side::Originator => letter.is_ascii_uppercase(),
            Side::Responder => letter.is_ascii_lowercase(),
        };
        if of_side {
            flags |= flags_of(letter.to_ascii_uppercase());
        }
    }
    (flags != 0).then_some(flags)
}

/// Whether Zeek exchanged originator and responder.
pub(crate) fn is_turned(history: &str) -> bool {
    history.contains('^')
}

fn flags_of(letter: u8) -> u16 {
    match letter {
        b'S' => SYN,
        b'H' => SYN | ACK,
        b'A' | b'D' => ACK,
        b'F' => FIN,
        b'R' => RST,
        b'I' => FIN | RST,
        b'Q' => SYN,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(history: &str, originator: Option<u16>, responder: Option<u16>) {
        assert_eq!(tcp_flags(history, Side::Originator), originator, "{history}");
        assert_eq!(tcp_flags(history, Side::Responder), responder, "{history}");
    }

    #[test]
    fn letters_to_flags() {
        check("S", Some(SYN), None);
        check("Sr", Some(SYN), Some(RST));
        check("ShADadFf", Some(SYN | ACK | FIN), Some(SYN | ACK | FIN));
        check("ShADadR", Some(SYN | ACK | RST), Some(SYN | ACK));
        check("^c", None, None);
        check("", None, None);
        assert!(is_turned("^dA") && !is_turned("Dd"));
    }
}
