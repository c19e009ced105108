//! Lists of addresses and networks as people type and paste them, and which addresses they mean.
//!
//! Forms read a field with [`parse_ip_list`] and show what it says; `ip_in` asks the [`IpList`].

use std::fmt;
use std::net::IpAddr;

use super::range_set::RangeSet;

mod token;

use token::{Network, Token};

/// 0.0.0.0 as IPv6.
const MAPPED_V4: u128 = 0xffff_0000_0000;

/// Bad entries told in the text of one error at most.
const BAD_SHOWN_MAX: usize = 5;

/// Which addresses a list means.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IpList {
    /// Everything, when nothing but exclusions is listed.
    included: Option<Networks>,
    excluded: Networks,
    entries: Vec<String>,
    notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Networks {
    v4: RangeSet<u32>,
    v6: RangeSet<u128>,
}

/// A list in which some entries are no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpListError {
    /// What is no address, in the order of the text; never empty.
    pub bad: Vec<BadToken>,
    /// The good entries in their canonical spelling.
    pub good: Vec<String>,
    /// What was read otherwise than written, see [`IpList::notes`].
    pub notes: Vec<String>,
}

/// One entry that is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadToken {
    /// As typed.
    pub token: String,
    /// Where it begins, in characters from 1.
    pub position: usize,
    /// Why it is none.
    pub reason: String,
}

/// Reads addresses and networks separated by commas, spaces, semicolons or line ends. `!` in front of one excludes
/// it. Nothing at all means every address.
pub fn parse_ip_list(text: &str) -> Result<IpList, IpListError> {
    let (mut bad, mut entries, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut included, mut excluded) = (Vec::new(), Vec::new());
    for token in token::split(text) {
        match token.network() {
            Ok(network) => {
                notes.extend(network.note(&token));
                entries.push(format!("{}{network}", if token.is_excluded { "!" } else { "" }));
                if token.is_excluded { &mut excluded } else { &mut included }.push(network);
            }
            Err(reason) => bad.push(token.into_bad(reason)),
        }
    }
    if !bad.is_empty() {
        return Err(IpListError { bad, good: entries, notes });
    }
    let is_open = included.is_empty();
    let included = (!is_open).then(|| Networks::of(&included));
    Ok(IpList { included, excluded: Networks::of(&excluded), entries, notes })
}

impl IpList {
    /// Whether the list says nothing, so that every address and also no address belongs to it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `address` is meant. IPv4 addresses written as IPv6 count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.included.as_ref().is_none_or(|included| included.contains(address)) && !self.excluded.contains(address)
    }

    /// What the list means as ranges of the numbers behind the 16 bytes of addresses, in order.
    pub(crate) fn ranges(&self) -> Vec<(u128, u128)> {
        let included = self.included.as_ref().map_or_else(|| RangeSet::of([0..=u128::MAX]), Networks::mapped);
        included.without(&self.excluded.mapped()).ranges().to_vec()
    }

    /// The entries in their canonical spelling, `!` in front of exclusions.
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// What was read otherwise than written, in sentences: a network whose host bits were set.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Debug for IpList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IpList").field(&self.entries).finish()
    }
}

impl Networks {
    fn of(networks: &[Network]) -> Networks {
        Networks {
            v4: RangeSet::of(networks.iter().filter_map(Network::v4_range)),
            v6: RangeSet::of(networks.iter().filter_map(Network::v6_range)),
        }
    }

    /// IPv4 mapped into IPv6, as flows store addresses. Networks of IPv6 never mean the mapped ones.
    fn mapped(&self) -> RangeSet<u128> {
        let v6 = self.v6.without(&RangeSet::of([MAPPED_V4..=MAPPED_V4 + u128::from(u32::MAX)]));
        let v6 = v6.ranges().iter().map(|(first, last)| *first..=*last);
        let mapped = |number: u32| MAPPED_V4 + u128::from(number);
        let v4 = self.v4.ranges().iter().map(|(first, last)| mapped(*first)..=mapped(*last));
        RangeSet::of(v4.chain(v6))
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }
}

impl IpListError {
    /// How a list is written.
    pub fn hint(&self) -> String {
        "Write addresses and networks such as 10.0.0.0/8 or 2001:db8::/32, separated by commas or spaces; ! in front \
         excludes one"
            .into()
    }
}

impl std::error::Error for IpListError {}

impl fmt::Display for IpListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, bad) in self.bad.iter().take(BAD_SHOWN_MAX).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let token = crate::render::visible(&bad.token);
            write!(f, "{separator}`{token}` at character {} is {}", bad.position, bad.reason)?;
        }
        if let Some(more @ 1..) = self.bad.len().checked_sub(BAD_SHOWN_MAX) {
            write!(f, "; and {more} more")?;
        }
        match self.good.len() {
            0 => Ok(()),
            1..=BAD_SHOWN_MAX => write!(f, "; understood: {}", self.good.join(", ")),
            many => write!(f, "; understood: {} and {} more", self.good[..4].join(", "), many - 4),
        }
    }
}

impl Token<'_> {
    fn into_bad(self, reason: String) -> BadToken {
        BadToken { token: self.text.to_string(), position: self.position, reason }
    }
}

#[cfg(test)]
mod tests;
