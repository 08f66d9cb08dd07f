//! Protocol control messages (RTMP section 5.4) and user control messages (section 7.1.7).

use super::Incoming;
use crate::rtmp::command::type_id;

/// Limit type of a peer bandwidth that has none (section 5.4.5): dynamic.
const LIMIT_DYNAMIC: u8 = 2;

/// The chunk stream of an abort message.
pub(crate) fn abort(bytes: &[u8]) -> Result<u32, String> {
    let (csid, _) = number(type_id::ABORT, bytes)?;
    Ok(csid)
}

/// Any other of them. Bytes behind what a message is to have are not looked at.
pub(crate) fn control(type_id: u8, bytes: &[u8]) -> Result<Incoming, String> {
    if type_id == type_id::USER_CONTROL {
        return user_control(bytes);
    }
    let (number, rest) = number(type_id, bytes)?;
    Ok(match type_id {
        type_id::SET_CHUNK_SIZE => Incoming::ChunkSize(number),
        type_id::ACKNOWLEDGEMENT => Incoming::Acknowledgement(number),
        type_id::WINDOW_ACK_SIZE => Incoming::WindowAckSize(number),
        _ => Incoming::PeerBandwidth(number, rest.first().copied().unwrap_or(LIMIT_DYNAMIC)),
    })
}

fn user_control(bytes: &[u8]) -> Result<Incoming, String> {
    let Some((event, rest)) = bytes.split_first_chunk() else {
        return Err(short(type_id::USER_CONTROL, bytes));
    };
    let event = u16::from_be_bytes(*event);
    let make = match event {
        0 => Incoming::StreamBegin,
        1 => Incoming::StreamEof,
        2 => Incoming::StreamDry,
        4 => Incoming::StreamIsRecorded,
        6 => Incoming::PingRequest,
        7 => Incoming::PingResponse,
        _ => return Ok(Incoming::UserOther(event)),
    };
    let (number, _) = number(type_id::USER_CONTROL, rest)?;
    Ok(make(number))
}

fn number(type_id: u8, bytes: &[u8]) -> Result<(u32, &[u8]), String> {
    let (number, rest) = bytes
        .split_first_chunk()
        .ok_or_else(|| short(type_id, bytes))?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn short(type_id: u8, bytes: &[u8]) -> String {
    format!(
        "a control message of type {type_id} that ends after {} bytes",
        bytes.len()
    )
}
