//! Any block of memory can be read as headers, and headers of any bytes are kept without a loss.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orders::record::{Headers, from_escaped, push_header, to_escaped};
use orders::{Offset, Partition, Record};

fuzz_target!(|data: &[u8]| {
    // As a block, which may be damaged.
    let headers = Headers(data);
    assert!(headers.size() <= data.len());
    let record = Record {
        partition: Partition(0),
        offset: Offset(0),
        appended_millis: 0,
        key: None,
        value: Some(data),
        headers,
    };
    let _ = (record.trace_id(), record.fingerprint(), record.size());
    let _ = to_escaped(headers, 100);
    let mut block = Vec::new();
    for (name, value) in headers.iter() {
        push_header(&mut block, name, value);
    }
    if headers.are_readable() {
        assert_eq!(from_escaped(&to_escaped(headers, usize::MAX)), Some(block));
    }
    // As names and values, one after the other.
    let mut block = Vec::new();
    let pieces: Vec<_> = data.split(|byte| *byte == b'=').collect();
    for pair in pieces.chunks(2) {
        push_header(&mut block, pair[0], pair.get(1).copied());
    }
    let headers = Headers(&block);
    let read: Vec<_> = headers.iter().flat_map(|(name, value)| [Some(name), value]).flatten().collect();
    assert_eq!(read, pieces);
    assert_eq!(from_escaped(&to_escaped(headers, usize::MAX)), Some(block.clone()));
    if let Some(last) = pieces.chunks(2).rev().find(|pair| pair[0] == b"a") {
        assert_eq!(headers.get("a"), last.get(1).copied());
    }
});
