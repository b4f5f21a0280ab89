//! Which slot a key is in (the Redis Cluster specification, "Key distribution model").

/// Slots of a cluster.
pub(crate) const SLOTS: usize = 16_384;

/// The slot of a key: CRC-16/XMODEM of its hash tag, or of all of it when it has none.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let crc = hash_tag(key).iter().fold(0u16, |crc, byte| {
        let index = (crc >> 8) ^ u16::from(*byte);
        (crc << 8) ^ TABLE[usize::from(index)]
    });
    crc & 0x3fff
}

/// The part between the first `{` and the first `}` after it, when there is something in it.
fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else {
        return key;
    };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the index is below 256")]
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_agree_with_the_server() {
        // Values of `CLUSTER KEYSLOT` on Redis 7.0.15.
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"bar"), 5_061);
        assert_eq!(slot_of(b""), 0);
    }

    #[test]
    fn only_the_hash_tag_counts() {
        assert_eq!(slot_of(b"a{foo}b{bar}"), slot_of(b"foo"));
        assert_eq!(slot_of(b"{}foo"), slot_of(b"{}foo"));
        assert_ne!(slot_of(b"{}foo"), slot_of(b"foo"));
        assert_ne!(slot_of(b"{foo"), slot_of(b"foo"));
    }
}
