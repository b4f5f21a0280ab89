//! A set of hash slots.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Hash slots of a cluster (Redis Cluster specification).
pub const SLOTS: u16 = 16_384;

const WORDS: usize = SLOTS as usize / 64;

/// Any of the 16,384 hash slots. Written and read as ranges: `0-5460,5462`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotSet(Box<[u64; WORDS]>);

impl Default for SlotSet {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

impl SlotSet {
    /// Every slot.
    pub fn all() -> Self {
        Self::from_range(0, SLOTS - 1)
    }

    /// The slots from `first` to `last`, both included.
    pub fn from_range(first: u16, last: u16) -> Self {
        (first..=last).collect()
    }

    /// Adds a slot.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn insert(&mut self, slot: u16) {
        self.0[usize::from(slot / 64)] |= 1 << (slot % 64);
    }

    /// Takes a slot out.
    pub fn remove(&mut self, slot: u16) {
        self.0[usize::from(slot / 64)] &= !(1 << (slot % 64));
    }

    /// Whether a slot is in the set.
    pub fn contains(&self, slot: u16) -> bool {
        slot < SLOTS && self.0[usize::from(slot / 64)] & (1 << (slot % 64)) != 0
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The slots in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u16> + '_ {
        let words = (0_u16..).zip(self.0.iter()).take(WORDS);
        let words: Vec<(u16, u64)> = words.map(|(n, word)| (n, *word)).collect();
        let held = words.into_iter().filter(|(_, word)| *word != 0);
        held.flat_map(|(n, word)| {
            let bits = (0..64).filter(move |bit| word & (1 << bit) != 0);
            bits.map(move |bit| n * 64 + bit)
        })
    }

    /// Adds the slots of another set.
    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0.iter()) {
            *word |= more;
        }
    }

    /// The slots that another set does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        for (word, gone) in rest.0.iter_mut().zip(other.0.iter()) {
            *word &= !gone;
        }
        rest
    }

    /// The slots as ranges, both ends included.
    pub fn ranges(&self) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        ranges
    }

    /// Adds `5`, `0-99` or several of them joined by commas; whether the text was understood.
    pub(super) fn insert_text(&mut self, text: &str) -> bool {
        text.split(',').all(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.parse::<u16>(), last.parse::<u16>()) {
                (Ok(first), Ok(last)) if first <= last && last < SLOTS => {
                    (first..=last).for_each(|slot| self.insert(slot));
                    true
                }
                _ => false,
            }
        })
    }
}

impl FromIterator<u16> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u16>>(slots: I) -> Self {
        let mut set = Self::default();
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

impl fmt::Display for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl From<SlotSet> for String {
    fn from(set: SlotSet) -> Self {
        set.to_string()
    }
}

impl TryFrom<String> for SlotSet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut set = Self::default();
        if text.is_empty() || set.insert_text(&text) {
            Ok(set)
        } else {
            Err(format!("not a list of slots: {text}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_as_ranges_and_read_back() {
        let mut set = SlotSet::from_range(0, 5460);
        set.insert(16_383);
        set.remove(100);
        assert_eq!(set.len(), 5461);
        assert_eq!(set.to_string(), "0-99,101-5460,16383");
        assert_eq!(SlotSet::try_from(set.to_string()).unwrap(), set);
        assert_eq!(SlotSet::try_from(String::new()).unwrap().len(), 0);
        assert!(SlotSet::try_from("3-2".to_owned()).is_err());
        assert!(SlotSet::try_from("16384".to_owned()).is_err());
        assert_eq!(SlotSet::all().len(), 16_384);
    }
}
