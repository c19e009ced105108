//! Whatever comes in on a socket, it is a message or refused with a reason: never a panic.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use kernel_protocol::{
    Session,
    wire::{frames, signature::Signer},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

const CASES: u32 = 2_000;

fn signer() -> Signer {
    Signer::new("hmac-sha256", "key").unwrap()
}

/// Frames that resemble messages: the delimiter is frequent, so are JSON dictionaries and fragments of them.
fn frame() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just(Bytes::from_static(b"<IDS|MSG>")),
        Just(Bytes::from_static(b"{}")),
        Just(Bytes::from_static(b"null")),
        Just(Bytes::from_static(b"{\"msg_id\":")),
        vec(any::<u8>(), 0..200).prop_map(Bytes::from),
    ]
}

/// JSON of any kind, nested a little.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((".{0,8}", inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn signed(dictionaries: &[Bytes; 4], identities: Vec<Bytes>, buffers: Vec<Bytes>) -> Vec<Bytes> {
    let signature = signer().sign(&dictionaries.each_ref().map(|frame| frame.as_ref()));
    let mut frames = identities;
    frames.push(Bytes::from_static(b"<IDS|MSG>"));
    frames.push(Bytes::from(signature));
    frames.extend(dictionaries.iter().cloned());
    frames.extend(buffers);
    frames
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_frames_are_refused_or_a_message(frames in vec(frame(), 0..12)) {
        let unsigned = Signer::new("hmac-sha256", "").unwrap();
        for signer in [signer(), unsigned] {
            if let Ok(parsed) = frames::parse(frames.clone(), &signer) {
                // Whatever is taken can be sent on.
                prop_assert!(!frames::build(&parsed.message, &signer).is_empty());
            }
        }
    }

    #[test]
    fn signed_dictionaries_of_any_content_can_be_asked_for_any_field(
        values in [json_value(), json_value(), json_value(), json_value()],
        buffers in vec(vec(any::<u8>(), 0..50).prop_map(Bytes::from), 0..3),
    ) {
        let dictionaries = values.each_ref().map(|value| Bytes::from(value.to_string()));
        let all_dictionaries = values.iter().all(|value| value.is_object() || value.is_null());
        let frames = signed(&dictionaries, vec![Bytes::from_static(b"client")], buffers.clone());
        let session = Session::new("hmac-sha256", "key").unwrap();
        let message = session.receive(frames);
        prop_assert_eq!(message.is_ok(), all_dictionaries);
        if let Ok(message) = message {
            let _ = (message.msg_type(), message.text("code"), message.flag("silent", true), message.integer("n"));
            let reply = session.reply(&message, "execute_reply", json!({}));
            prop_assert_eq!(reply.parent_header.fields(), message.header.fields());
            prop_assert_eq!(message.buffers, buffers);
        }
    }

    #[test]
    fn a_message_that_was_changed_on_its_way_is_refused(
        content in json_value(), position in any::<prop::sample::Index>(), part in 0usize..4,
    ) {
        let content = Bytes::from(json!({"code": content}).to_string());
        let header = Bytes::from_static(b"{\"msg_id\":\"1\",\"msg_type\":\"execute_request\"}");
        let empty = Bytes::from_static(b"{}");
        let mut frames = signed(&[header, empty.clone(), empty, content], Vec::new(), Vec::new());
        let mut changed = frames[2 + part].to_vec();
        let index = position.index(changed.len());
        changed[index] ^= 1;
        frames[2 + part] = Bytes::from(changed);
        prop_assert!(matches!(frames::parse(frames, &signer()), Err(frames::Malformed::WrongSignature)));
    }
}
