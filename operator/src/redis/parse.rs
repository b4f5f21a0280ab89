//! Reads the answers of `CLUSTER NODES`, `CLUSTER INFO` and `INFO`. Strictly: an answer that is
//! not understood is an error, never half a view.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::slots::SlotSet;

/// Digits of a node id.
const ID_DIGITS: usize = 40;

/// The id that a Redis node gives itself when it first starts: 40 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

impl NodeId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let fits = text.len() == ID_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| ParseError::new("node id", text))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl TryFrom<String> for NodeId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(&text)
    }
}

/// An answer that this operator does not understand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: {text:?}")]
pub struct ParseError {
    what: &'static str,
    text: String,
}

impl ParseError {
    fn new(what: &'static str, text: &str) -> Self {
        let text = text.chars().take(200).collect();
        Self { what, text }
    }
}

/// What one node says of one node: a line of `CLUSTER NODES`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the flags of the line"
)]
pub struct Line {
    /// Whom the line is about.
    pub id: NodeId,
    /// Where the speaker believes it to be; nothing when it does not know.
    pub address: Option<(IpAddr, u16)>,
    /// The speaker itself.
    pub myself: bool,
    /// A primary, with slots or without.
    pub primary: bool,
    /// Whom it follows, if it is a replica of a known primary.
    pub follows: Option<NodeId>,
    /// Agreed to have failed.
    pub fail: bool,
    /// Thought by the speaker to have failed (`fail?`).
    pub suspect: bool,
    /// The speaker has lost its address (`noaddr`).
    pub no_address: bool,
    /// Not yet met; its id is made up.
    pub handshake: bool,
    /// Its configuration epoch.
    pub epoch: u64,
    /// Whether the speaker's link to it stands.
    pub connected: bool,
    /// The slots that the speaker believes it to own.
    pub slots: SlotSet,
    /// Slots on their way out, and where to; only in the line about the speaker.
    pub migrating: Vec<(u16, NodeId)>,
    /// Slots on their way in, and where from; only in the line about the speaker.
    pub importing: Vec<(u16, NodeId)>,
}

/// Reads `CLUSTER NODES`.
pub(super) fn nodes(text: &str) -> Result<Vec<Line>, ParseError> {
    let lines: Vec<Line> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(line)
        .collect::<Result<_, _>>()?;
    if lines.iter().filter(|line| line.myself).count() == 1 {
        Ok(lines)
    } else {
        Err(ParseError::new("list of nodes", text))
    }
}

fn line(text: &str) -> Result<Line, ParseError> {
    let error = || ParseError::new("line of a node", text);
    let fields: Vec<&str> = text.split(' ').collect();
    let [id, place, flags, follows, _, _, epoch, link, slots @ ..] = fields.as_slice() else {
        return Err(error());
    };
    let flags: Vec<&str> = flags.split(',').collect();
    let has = |flag: &str| flags.contains(&flag);
    let mut read = Line {
        id: NodeId::parse(id)?,
        address: address(place)?,
        myself: has("myself"),
        primary: has("master"),
        follows: (*follows != "-")
            .then(|| NodeId::parse(follows))
            .transpose()?,
        fail: has("fail"),
        suspect: has("fail?"),
        no_address: has("noaddr"),
        handshake: has("handshake"),
        epoch: epoch.parse().map_err(|_| error())?,
        connected: match *link {
            "connected" => true,
            "disconnected" => false,
            _ => return Err(error()),
        },
        slots: SlotSet::default(),
        migrating: Vec::new(),
        importing: Vec::new(),
    };
    for slot in slots.iter().filter(|slot| !slot.is_empty()) {
        match slot.strip_prefix('[') {
            Some(mark) => read_mark(&mut read, mark).ok_or_else(error)?,
            None if read.slots.insert_text(slot) => {}
            None => return Err(error()),
        }
    }
    Ok(read)
}

/// `93->-<id>]` or `93-<-<id>]`, without its first bracket.
fn read_mark(line: &mut Line, text: &str) -> Option<()> {
    let text = text.strip_suffix(']')?;
    if let Some((slot, id)) = text.split_once("->-") {
        line.migrating
            .push((slot.parse().ok()?, NodeId::parse(id).ok()?));
    } else {
        let (slot, id) = text.split_once("-<-")?;
        line.importing
            .push((slot.parse().ok()?, NodeId::parse(id).ok()?));
    }
    Some(())
}

/// `ip:port@bus[,hostname[,name=value]…]`; an empty or zero part means that it is not known.
fn address(text: &str) -> Result<Option<(IpAddr, u16)>, ParseError> {
    let error = || ParseError::new("address of a node", text);
    let (place, _) = text.split_once('@').ok_or_else(error)?;
    let (ip, port) = place.rsplit_once(':').ok_or_else(error)?;
    let port: u16 = port.parse().map_err(|_| error())?;
    if ip.is_empty() || port == 0 {
        return Ok(None);
    }
    Ok(Some((ip.parse().map_err(|_| error())?, port)))
}

/// What `INFO replication` says of a node's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replication {
    /// It is a primary.
    Primary {
        /// Bytes of its stream so far.
        offset: u64,
    },
    /// It is a replica.
    Replica {
        /// Whom it copies from, if that is an address.
        source: Option<(IpAddr, u16)>,
        /// Whether the copying stands.
        link_up: bool,
        /// Whether it is receiving a whole copy now.
        syncing: bool,
        /// Bytes of the stream that it has.
        offset: u64,
    },
}

/// The `name:value` lines of `INFO` and `CLUSTER INFO`.
pub(super) struct Info<'a>(&'a str);

impl<'a> Info<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&'a str, ParseError> {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .ok_or_else(|| ParseError::new(name, self.0))
    }

    pub(super) fn number(&self, name: &'static str) -> Result<u64, ParseError> {
        let text = self.text(name)?;
        text.parse().map_err(|_| ParseError::new(name, text))
    }
}

/// Reads `INFO replication`.
pub(super) fn replication(text: &str) -> Result<Replication, ParseError> {
    let info = Info::new(text);
    match info.text("role")? {
        "master" => Ok(Replication::Primary {
            offset: info.number("master_repl_offset")?,
        }),
        "slave" => {
            let host = info.text("master_host")?.parse::<IpAddr>();
            let port = info.text("master_port")?.parse::<u16>();
            Ok(Replication::Replica {
                source: host.ok().zip(port.ok()),
                link_up: info.text("master_link_status")? == "up",
                syncing: info.text("master_sync_in_progress")? == "1",
                offset: info.number("slave_repl_offset")?,
            })
        }
        other => Err(ParseError::new("role", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
    const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    #[test]
    fn a_full_answer_is_read() {
        let text = format!(
            "{A} 10.1.2.3:6379@16379,shop-0,shard-id=5 myself,master - 0 0 7 connected \
             0-5460 9000 [93->-{B}] [77-<-{B}]\n\
             {B} fd00::1:6379@16379 slave,fail? {A} 1 2 7 disconnected\n"
        );
        let lines = nodes(&text).unwrap();
        assert_eq!(lines[0].slots.to_string(), "0-5460,9000");
        assert_eq!(lines[0].migrating[0].0, 93);
        assert_eq!(lines[0].importing[0].0, 77);
        assert_eq!(lines[0].address, Some(("10.1.2.3".parse().unwrap(), 6379)));
        assert!(lines[0].primary && lines[0].connected && lines[0].myself);
        assert_eq!(lines[1].address, Some(("fd00::1".parse().unwrap(), 6379)));
        assert!(lines[1].suspect && !lines[1].fail && !lines[1].connected);
        assert_eq!(lines[1].follows.as_ref().unwrap().as_str(), A);
    }

    #[test]
    fn a_node_without_an_address_is_read() {
        let text = format!("{A} :0@0 myself,master,noaddr - 0 0 0 connected");
        let lines = nodes(&text).unwrap();
        assert_eq!(lines[0].address, None);
        assert!(lines[0].no_address);
    }

    #[test]
    fn nonsense_is_refused_whole() {
        let good = format!("{A} 10.1.2.3:6379@16379 myself,master - 0 0 7 connected");
        assert!(nodes(&good).is_ok());
        for bad in [
            good.replace("myself,", ""),
            good.replace(A, "07c3"),
            good.replace(" 7 ", " x "),
            good.replace("connected", "maybe"),
            format!("{good} 5-16384"),
            format!("{good} [93-{B}]"),
            good.replace("@16379", ""),
            "MOVED 1 2".to_owned(),
            String::new(),
        ] {
            assert!(nodes(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_are_read() {
        let primary = replication("# Replication\r\nrole:master\r\nmaster_repl_offset:42\r\n");
        assert_eq!(primary.unwrap(), Replication::Primary { offset: 42 });
        let text = "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n\
                    master_link_status:down\r\nmaster_sync_in_progress:1\r\n\
                    slave_repl_offset:9\r\n";
        let expected = Replication::Replica {
            source: Some(("10.0.0.1".parse().unwrap(), 6379)),
            link_up: false,
            syncing: true,
            offset: 9,
        };
        assert_eq!(replication(text).unwrap(), expected);
        assert!(replication("role:sentinel\r\n").is_err());
    }
}
