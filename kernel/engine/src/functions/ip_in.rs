//! `ip_in`: whether an address belongs to a list. What a list means is [`super::ip_list`]'s business.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::ScalarValue;

use super::arguments::{Arguments, Kind, constant_text, required};
use super::fault::FunctionFault;
use super::ip_list::{IpList, parse_ip_list};
use super::scalar::{Prepared, Returns, ScalarFunction};
use super::text::{FunctionText, example};

const NAME: &str = "ip_in";

pub(super) static IP_IN: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: NAME,
        syntax: "ip_in(address, 'list')",
        description: "Whether an address belongs to a list of addresses and networks, IPv4 and IPv6, separated by \
                      commas, spaces, semicolons or line ends. ! in front of an entry excludes it; a list of \
                      exclusions alone means everything but these. An empty or NULL list means everything, so that \
                      an empty field of a form filters nothing. A NULL address and text that is no address belong \
                      to the empty list only.",
        examples: &[
            example("ip_in('10.1.2.3', '10.0.0.0/8, 2001:db8::/32')", "true"),
            example("ip_in('10.9.2.3', '10.0.0.0/8 !10.9.0.0/16')", "false"),
            example("ip_in('192.0.2.1', '')", "true"),
        ],
    },
    arguments: &[required("address", Kind::Address), required("list", Kind::Text)],
    returns: Returns::Boolean,
    body: ip_in,
    prepare: Some(prepare),
};

fn prepare(constants: &[Option<&ScalarValue>]) -> Result<Option<Prepared>, FunctionFault> {
    let Some(Some(text)) = constants.get(1).map(|value| value.and_then(constant_text)) else { return Ok(None) };
    let Some(text) = text else { return Ok(Some(ALWAYS)) };
    let list = parse(text)?;
    Ok(Some(if list.is_empty() { ALWAYS } else { Prepared::IpList(Arc::new(list)) }))
}

const ALWAYS: Prepared = Prepared::Value(ScalarValue::Boolean(Some(true)));

fn ip_in(arguments: &Arguments) -> Result<ArrayRef, FunctionFault> {
    let addresses = arguments.addresses(0);
    if let Some(Prepared::IpList(list)) = arguments.prepared() {
        return arguments.build_booleans(|row| Ok(Some(holds(list, addresses.address(row)))));
    }
    let texts = arguments.texts(1);
    // Lists that come from a column repeat: a join puts the same one on many rows.
    let mut last: Option<(String, IpList)> = None;
    arguments.build_booleans(|row| {
        let text = texts.text(row).unwrap_or_default();
        let list = match &mut last {
            Some((known, list)) if known == text => list,
            last => &mut last.insert((text.to_string(), parse(text)?)).1,
        };
        Ok(Some(list.is_empty() || holds(list, addresses.address(row))))
    })
}

fn holds(list: &IpList, address: Option<std::net::IpAddr>) -> bool {
    address.is_some_and(|address| list.contains(address))
}

fn parse(text: &str) -> Result<IpList, FunctionFault> {
    parse_ip_list(text).map_err(|fault| FunctionFault::IpList { function: NAME, fault })
}
