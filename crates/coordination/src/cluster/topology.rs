//! Who owns which slot, as one node answers `CLUSTER SLOTS`.

use std::fmt;

use redis::Value;

use super::slot::SLOTS;

/// Marks a slot that nobody serves.
const NOBODY: u16 = u16::MAX;

/// Host and port of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host:port`; an IPv6 host keeps its colons.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The slot map. Masters are in order of address, so equal clusters give equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topology {
    pub(crate) masters: Vec<Address>,
    pub(crate) replicas: Vec<Address>,
    owners: Vec<u16>,
}

struct Range {
    first: usize,
    last: usize,
    nodes: Vec<Address>,
}

impl Topology {
    /// Knows nothing yet.
    pub(crate) fn empty() -> Self {
        Self {
            masters: Vec::new(),
            replicas: Vec::new(),
            owners: vec![NOBODY; SLOTS],
        }
    }

    /// Reads a reply of `CLUSTER SLOTS` given by the node at `asked`; `None` when it is not one.
    pub(crate) fn parse(reply: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(rows) = reply else {
            return None;
        };
        let ranges = rows
            .iter()
            .map(|row| parse_range(row, asked))
            .collect::<Option<Vec<_>>>()?;
        let mut masters: Vec<Address> = ranges
            .iter()
            .filter_map(|range| range.nodes.first().cloned())
            .collect();
        masters.sort();
        masters.dedup();
        let mut replicas: Vec<Address> = ranges
            .iter()
            .flat_map(|range| range.nodes.iter().skip(1).cloned())
            .collect();
        replicas.sort();
        replicas.dedup();
        let mut owners = vec![NOBODY; SLOTS];
        for range in &ranges {
            let master = masters.binary_search(range.nodes.first()?).ok()?;
            owners
                .get_mut(range.first..=range.last)?
                .fill(u16::try_from(master).ok()?);
        }
        Some(Self {
            masters,
            replicas,
            owners,
        })
    }

    /// The index into `masters` of a slot's owner.
    pub(crate) fn owner(&self, slot: u16) -> Option<usize> {
        match self.owners.get(usize::from(slot)) {
            None | Some(&NOBODY) => None,
            Some(owner) => Some(usize::from(*owner)),
        }
    }

    /// Whether every slot is served.
    pub(crate) fn is_covered(&self) -> bool {
        !self.owners.contains(&NOBODY)
    }
}

fn parse_range(row: &Value, asked: &Address) -> Option<Range> {
    let Value::Array(fields) = row else {
        return None;
    };
    let [Value::Int(first), Value::Int(last), nodes @ ..] = fields.as_slice() else {
        return None;
    };
    let nodes = nodes
        .iter()
        .map(|node| parse_node(node, asked))
        .collect::<Option<Vec<_>>>()?;
    if nodes.is_empty() {
        return None;
    }
    let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
    (first <= last).then_some(Range { first, last, nodes })
}

/// A node that does not know its own address sends an empty one, "?" or nil: it is the one asked.
fn parse_node(node: &Value, asked: &Address) -> Option<Address> {
    let Value::Array(fields) = node else {
        return None;
    };
    let [host, Value::Int(port), ..] = fields.as_slice() else {
        return None;
    };
    let host = match host {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok()?,
        Value::SimpleString(text) => text.clone(),
        Value::Nil => String::new(),
        _ => return None,
    };
    let host = if host.is_empty() || host == "?" {
        asked.host.clone()
    } else {
        host
    };
    Some(Address {
        host,
        port: u16::try_from(*port).ok()?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn node(host: &str, port: i64) -> Value {
        Value::Array(vec![Value::BulkString(host.into()), Value::Int(port)])
    }

    /// A `CLUSTER SLOTS` reply of ranges `(first, last, port of the master)`.
    pub(crate) fn reply(ranges: &[(i64, i64, i64)]) -> Value {
        let row = |(first, last, port): &(i64, i64, i64)| {
            Value::Array(vec![
                Value::Int(*first),
                Value::Int(*last),
                node("10.0.0.1", *port),
                node("", port + 100),
            ])
        };
        Value::Array(ranges.iter().map(row).collect())
    }

    /// The topology of those ranges.
    pub(crate) fn topology(ranges: &[(i64, i64, i64)]) -> Topology {
        let asked = Address::parse("10.9.9.9:1").unwrap();
        Topology::parse(&reply(ranges), &asked).unwrap()
    }

    #[test]
    fn each_slot_has_the_owner_of_its_range() {
        let topology = topology(&[(8192, 16_383, 7001), (0, 8190, 7000)]);
        assert_eq!(topology.owner(0), Some(0));
        assert_eq!(topology.owner(8190), Some(0));
        assert_eq!(topology.owner(8191), None);
        assert_eq!(topology.owner(8192), Some(1));
        assert!(!topology.is_covered());
        assert_eq!(topology.replicas[0].to_string(), "10.9.9.9:7100");
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let one = topology(&[(0, 99, 7000), (100, 16_383, 7001)]);
        let other = topology(&[(100, 16_383, 7001), (0, 99, 7000)]);
        assert_eq!(one, other);
        assert!(one.is_covered());
    }

    #[test]
    fn nonsense_is_refused() {
        let asked = Address::parse("h:1").unwrap();
        assert_eq!(Topology::parse(&Value::Nil, &asked), None);
        assert_eq!(Topology::parse(&reply(&[(0, 16_384, 7000)]), &asked), None);
        assert_eq!(Topology::parse(&reply(&[(9, 3, 7000)]), &asked), None);
        assert_eq!(Address::parse(":1"), None);
        assert_eq!(Address::parse("::1:7000").unwrap().host, "::1");
    }
}
