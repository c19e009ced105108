//! Types as the server writes them, and what we make of them.

use remote_source::TimeUnit;
use remote_source::source::{Holds, holds};
use remote_source::sql::Domain;

/// What a value is to the server, below `Nullable` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number(Domain),
    Real,
    /// Seconds since 1970.
    DateTime,
    /// Parts of a second since 1970, as many as the unit says.
    DateTime64(TimeUnit),
    Ipv4,
    Ipv6,
    /// 16 bytes: an IPv6 address, or IPv4 in the first four.
    Fixed16,
    Text,
    /// Asked for as text, and compared in another way than here.
    AsText,
}

impl Kind {
    /// Of a type; `None` for those that hold no single value.
    pub(crate) fn of(written: &str) -> Option<Self> {
        let written = written.trim();
        for wrapper in ["Nullable(", "LowCardinality("] {
            if let Some(inner) = written.strip_prefix(wrapper) {
                return Self::of(inner.strip_suffix(')')?);
            }
        }
        if let Some(inner) = written.strip_prefix("SimpleAggregateFunction(") {
            return Self::of(inner.strip_suffix(')')?.split_once(',')?.1);
        }
        let (name, arguments) = written.split_once('(').unwrap_or((written, ""));
        let bits = |prefix: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
        Some(match name {
            "DateTime" => Self::DateTime,
            "DateTime64" => {
                let digits: u32 = arguments.split([',', ')']).next()?.trim().parse().ok()?;
                Self::DateTime64(match digits {
                    0..=3 => TimeUnit::Milliseconds,
                    4..=6 => TimeUnit::Microseconds,
                    _ => TimeUnit::Nanoseconds,
                })
            }
            "IPv4" => Self::Ipv4,
            "IPv6" => Self::Ipv6,
            "FixedString" if arguments.starts_with("16)") => Self::Fixed16,
            "String" => Self::Text,
            "FixedString" | "UUID" | "Decimal" | "Decimal32" | "Decimal64" | "Enum8" | "Enum16" => Self::AsText,
            "Float32" | "Float64" => Self::Real,
            _ => match (bits("UInt"), bits("Int")) {
                (Some(bits @ ..=64), _) => Self::Number(Domain::unsigned(bits)),
                (_, Some(bits @ ..=64)) => Self::Number(Domain::signed(bits)),
                (Some(_), _) | (_, Some(_)) => Self::AsText,
                (None, None) => return None,
            },
        })
    }

    /// What it is as a column of flows; `None` where it cannot be that. A column of texts shows what the server writes.
    pub(crate) fn as_column(self, flow: &str) -> Option<Self> {
        let is_number = matches!(self, Self::Number(_) | Self::Real | Self::Text | Self::AsText);
        let is_time = matches!(self, Self::DateTime | Self::DateTime64(_));
        let may_become = match holds(flow) {
            Holds::Times => is_number || is_time,
            Holds::Seconds | Holds::Numbers | Holds::Macs => is_number,
            Holds::Addresses => matches!(self, Self::Ipv4 | Self::Ipv6 | Self::Fixed16 | Self::Text),
            Holds::Texts if is_number => true,
            Holds::Texts => return Some(Self::AsText),
        };
        may_become.then_some(self)
    }

    /// How a value is asked for, so that old and new servers write it in the same way.
    pub(crate) fn selected(self, value: &str) -> String {
        match self {
            Self::DateTime => format!("toUnixTimestamp({value})"),
            Self::DateTime64(TimeUnit::Nanoseconds) => format!("toUnixTimestamp64Nano({value})"),
            Self::DateTime64(TimeUnit::Microseconds) => format!("toUnixTimestamp64Micro({value})"),
            Self::DateTime64(_) => format!("toUnixTimestamp64Milli({value})"),
            Self::Ipv4 | Self::AsText => format!("toString({value})"),
            Self::Number(_) | Self::Real | Self::Ipv6 | Self::Fixed16 | Self::Text => value.to_owned(),
        }
    }

    /// What the numbers that are asked for count, when the type itself says it.
    pub(crate) fn unit(self) -> Option<TimeUnit> {
        match self {
            Self::DateTime => Some(TimeUnit::Seconds),
            Self::DateTime64(unit) => Some(unit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for (written, expected) in [
            ("Nullable(UInt16)", Some(Kind::Number(Domain::unsigned(16)))),
            ("Int64", Some(Kind::Number(Domain::signed(64)))),
            ("UInt256", Some(Kind::AsText)),
            ("LowCardinality(Nullable(IPv6))", Some(Kind::Ipv6)),
            ("SimpleAggregateFunction(sum, UInt64)", Some(Kind::Number(Domain::unsigned(64)))),
            ("DateTime('Europe/Prague')", Some(Kind::DateTime)),
            ("DateTime64(9)", Some(Kind::DateTime64(TimeUnit::Nanoseconds))),
            ("DateTime64(3, 'UTC')", Some(Kind::DateTime64(TimeUnit::Milliseconds))),
            ("FixedString(16)", Some(Kind::Fixed16)),
            ("FixedString(8)", Some(Kind::AsText)),
            ("Enum8('a' = 1)", Some(Kind::AsText)),
            ("Array(UInt8)", None),
            ("Map(String, String)", None),
            ("Bool", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(written), expected, "{written}");
        }
    }
}
