//! Names for the numbers of a flow: protocols, ports and TCP flags.
//!
//! Small tables of what is met in flows, after IANA's registries; a number without a name stays NULL or a number.

use super::arguments::{Kind, optional, required};
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

mod names;

pub(super) static PROTOCOL_NAME: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "protocol_name",
        syntax: "protocol_name(number)",
        description: "The lower-case name of an IP protocol; the number as text where it has none here.",
        examples: &[
            example("protocol_name(6)", "tcp"),
            example("protocol_name(58)", "ipv6-icmp"),
            example("protocol_name(253)", "253"),
        ],
    },
    arguments: &[required("number", Kind::Integer)],
    returns: Returns::Text,
    body: |arguments| {
        let numbers = arguments.integers(0);
        let name = |number: i64| names::protocol(number).map_or_else(|| number.to_string(), str::to_string);
        arguments.build_texts(|row| Ok(numbers.number(row).map(name)))
    },
    prepare: None,
};

pub(super) static PROTOCOL_NUMBER: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "protocol_number",
        syntax: "protocol_number(name)",
        description: "The number of an IP protocol, from its name in any case or from the number as text; NULL where \
                      there is no such protocol.",
        examples: &[
            example("protocol_number('TCP')", "6"),
            example("protocol_number('17')", "17"),
            example("protocol_number('carrier pigeon')", "NULL"),
        ],
    },
    arguments: &[required("name", Kind::Text)],
    returns: Returns::Integer,
    body: |arguments| {
        let texts = arguments.texts(0);
        arguments.build_integers(|row| Ok(texts.text(row).and_then(names::protocol_number)))
    },
    prepare: None,
};

pub(super) static PORT_NAME: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "port_name",
        syntax: "port_name(port [, protocol])",
        description: "The service that usually listens at a port; protocol is 'tcp' (the default), 'udp' or another \
                      name. What really speaks there may be something else. NULL where no service is known.",
        examples: &[
            example("port_name(443, 'tcp')", "https"),
            example("port_name(443, 'udp')", "quic"),
            example("port_name(3389)", "rdp"),
            example("port_name(50000)", "NULL"),
        ],
    },
    arguments: &[required("port", Kind::Integer), optional("protocol", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| {
        let ports = arguments.integers(0);
        let protocols = arguments.has(1).then(|| arguments.texts(1));
        arguments.build_texts(|row| {
            let protocol = protocols.as_ref().map_or(Some("tcp"), |protocols| protocols.text(row));
            let name = ports.number(row).zip(protocol).and_then(|(port, protocol)| names::port(port, protocol));
            Ok(name.map(str::to_string))
        })
    },
    prepare: None,
};

pub(super) static TCP_FLAGS_TEXT: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "tcp_flags_text",
        syntax: "tcp_flags_text(flags)",
        description: "The flags of a flow as letters: F fin, S syn, R rst, P psh, A ack, U urg, E ece, C cwr, N ns. \
                      No flag at all is the empty text.",
        examples: &[
            example("tcp_flags_text(18)", "SA"),
            example("tcp_flags_text(2)", "S"),
            example("tcp_flags_text(27)", "FSPA"),
        ],
    },
    arguments: &[required("flags", Kind::Integer)],
    returns: Returns::Text,
    body: |arguments| {
        let flags = arguments.integers(0);
        arguments.build_texts(|row| Ok(flags.number(row).and_then(flag_letters)))
    },
    prepare: None,
};

/// The bits above are the header's length, not flags.
fn flag_letters(flags: i64) -> Option<String> {
    let flags = u16::try_from(flags).ok()?;
    Some("FSRPAUECN".chars().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0).map(|(_, letter)| letter).collect())
}
