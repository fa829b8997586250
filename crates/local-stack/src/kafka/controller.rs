//! Which controller a broker knows, asked in Kafka's protocol: a request for metadata, version 1, about no topic.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::ports;

const LIMIT: Duration = Duration::from_secs(2);
/// Its length, which request it is (3, version 1), a number, no name of the client, and no topics.
const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
/// Far more than the answer about a few brokers has.
const MAX_ANSWER_BYTES: u32 = 1 << 20;

/// Whether the broker on this port tells its clients who the controller is. A client that asks before that may wait for a minute
/// before it asks again.
pub(super) fn is_known(port: u16) -> bool {
    ask(port).is_ok_and(|answer| controller(&answer).is_some_and(|node| node >= 0))
}

fn ask(port: u16) -> io::Result<Vec<u8>> {
    let mut stream = ports::connect((Ipv4Addr::LOCALHOST, port), LIMIT)?;
    stream.write_all(&REQUEST)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = Vec::new();
    stream.take(u32::from_be_bytes(length).min(MAX_ANSWER_BYTES).into()).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The node number in an answer; negative if the broker knows no controller.
fn controller(mut answer: &[u8]) -> Option<i32> {
    let answer = &mut answer;
    // The number of the request.
    int(answer)?;
    for _broker in 0..int(answer)? {
        let _node = int(answer)?;
        skip_text(answer)?;
        let _port = int(answer)?;
        // The rack.
        skip_text(answer)?;
    }
    int(answer)
}

fn int(answer: &mut &[u8]) -> Option<i32> {
    answer.split_off(..4)?.try_into().ok().map(i32::from_be_bytes)
}

/// A text after its length, which is negative if there is none.
fn skip_text(answer: &mut &[u8]) -> Option<()> {
    let length = i16::from_be_bytes(answer.split_off(..2)?.try_into().ok()?);
    answer.split_off(..usize::try_from(length).unwrap_or(0)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_comes_after_the_brokers() {
        let answer = |controller: i32| {
            let host = [&[0, 9][..], b"localhost"].concat();
            let broker = [&[0, 0, 0, 1][..], &host, &[0, 0, 35, 132], &[0xff, 0xff]].concat();
            [&[0; 4][..], &[0, 0, 0, 1], &broker, &controller.to_be_bytes(), &[0, 0, 0, 0]].concat()
        };
        assert_eq!(controller(&answer(1)), Some(1));
        assert_eq!(controller(&answer(-1)), Some(-1));
        assert_eq!(controller(&answer(1)[..30]), None, "the answer is cut off");
    }
}
