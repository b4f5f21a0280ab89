//! Hash tags that pin the three keys of a lock to three masters.

use super::slot::slot_of;
use super::topology::Topology;

/// Tag triples to spread locks over; a power of two, so that choosing one is a mask.
pub(crate) const TRIPLES: usize = 64;
/// Keys of one lock.
pub(crate) const KEYS: usize = 3;
/// Tags tried per triple before giving up on distinct masters. With three equal masters the
/// chance of needing more is below 10^-10; only a nearly collapsed cluster comes here.
const CANDIDATES: usize = 64;

/// One tag and its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) text: String,
    pub(crate) slot: u16,
}

/// The tags of every triple.
///
/// Triple *i* takes the first tags of the fixed list `i-0`, `i-1`, … that fall on masters not yet
/// used. So the choice depends only on how slots are divided: it is the same for every client,
/// and the same after a failover, which gives a range to another node without dividing it anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Triples {
    tags: Vec<[Tag; KEYS]>,
    /// Distinct masters of the worst triple: 3 when locks are as safe as they can be.
    pub(crate) independent_masters: usize,
}

impl Triples {
    pub(crate) fn compute(topology: &Topology) -> Self {
        let (tags, masters): (Vec<_>, Vec<_>) =
            (0..TRIPLES).map(|index| triple(topology, index)).unzip();
        let independent_masters = masters.into_iter().min().unwrap_or(0);
        Self {
            tags,
            independent_masters,
        }
    }

    /// The triple for a lock's name.
    pub(crate) fn for_name(&self, name: &[u8]) -> &[Tag; KEYS] {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are wanted"
        )]
        let index = fnv1a(name) as usize & (TRIPLES - 1);
        &self.tags[index]
    }
}

fn tag(index: usize, candidate: usize) -> Tag {
    let text = format!("{index}-{candidate}");
    let slot = slot_of(text.as_bytes());
    Tag { text, slot }
}

fn triple(topology: &Topology, index: usize) -> ([Tag; KEYS], usize) {
    let mut chosen = [tag(index, 0), tag(index, 1), tag(index, 2)];
    let mut used: Vec<usize> = Vec::with_capacity(KEYS);
    for candidate in 0..CANDIDATES {
        let tag = tag(index, candidate);
        if let Some(master) = topology
            .owner(tag.slot)
            .filter(|master| !used.contains(master))
        {
            chosen[used.len()] = tag;
            used.push(master);
            if used.len() == KEYS {
                break;
            }
        }
    }
    let distinct = used.len();
    // Fewer than three masters: the rest are further tags, never one that is taken already.
    for (spare, place) in (CANDIDATES..).zip(chosen.iter_mut().skip(distinct)) {
        *place = tag(index, spare);
    }
    (chosen, distinct)
}

/// FNV-1a, 64 bits: the same in every build, which the standard library's hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::topology::tests::topology;

    fn masters(topology: &Topology, name: &[u8]) -> Vec<usize> {
        let triples = Triples::compute(topology);
        let mut masters: Vec<usize> = triples
            .for_name(name)
            .iter()
            .filter_map(|tag| topology.owner(tag.slot))
            .collect();
        masters.sort_unstable();
        masters.dedup();
        masters
    }

    #[test]
    fn three_masters_carry_every_lock() {
        let topology = topology(&[
            (0, 5460, 7000),
            (5461, 10_922, 7001),
            (10_923, 16_383, 7002),
        ]);
        assert_eq!(Triples::compute(&topology).independent_masters, 3);
        for subject in 0..500 {
            assert_eq!(
                masters(&topology, format!("62812{subject}:buy").as_bytes()).len(),
                3
            );
        }
    }

    #[test]
    fn a_failover_does_not_move_a_lock() {
        let before = topology(&[
            (0, 5460, 7000),
            (5461, 10_922, 7001),
            (10_923, 16_383, 7002),
        ]);
        let after = topology(&[
            (0, 5460, 7000),
            (5461, 10_922, 7009),
            (10_923, 16_383, 7002),
        ]);
        assert_eq!(Triples::compute(&before), Triples::compute(&after));
    }

    #[test]
    fn fewer_masters_are_reported_and_keys_stay_distinct() {
        let two = topology(&[(0, 8000, 7000), (8001, 16_383, 7001)]);
        let triples = Triples::compute(&two);
        assert_eq!(triples.independent_masters, 2);
        for [a, b, c] in &triples.tags {
            assert!(a != b && b != c && a != c);
        }
        assert_eq!(Triples::compute(&Topology::empty()).independent_masters, 0);
    }
}
