//! What a node says of the cluster.

use anyhow::{Result, ensure};

/// What one node says of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) id: String,
    pub(super) port: u16,
    pub(super) primary: bool,
    /// The primary of a replica.
    pub(super) follows: Option<String>,
    pub(super) healthy: bool,
    /// Slots as the node prints them, such as `0-5460`.
    pub(super) slots: Vec<String>,
}

impl View {
    /// Reads a line of `CLUSTER NODES`:
    /// `id ip:port@bus[,host] flags primary ping pong epoch link slot…`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [id, address, flags, follows, _, _, _, state, slots @ ..] = fields.as_slice() else {
            return None;
        };
        let port = address
            .split('@')
            .next()?
            .rsplit(':')
            .next()?
            .parse()
            .ok()?;
        let flags: Vec<&str> = flags.split(',').collect();
        let failing = ["fail", "fail?", "handshake", "noaddr"];
        let linked = *state == "connected" || flags.contains(&"myself");
        Some(Self {
            id: (*id).to_owned(),
            port,
            primary: flags.contains(&"master"),
            follows: (*follows != "-").then(|| (*follows).to_owned()),
            healthy: linked && !flags.iter().any(|flag| failing.contains(flag)),
            slots: slots
                .iter()
                .filter(|s| !s.starts_with('['))
                .map(|s| (*s).to_owned())
                .collect(),
        })
    }

    pub(super) fn serves(&self, slot: usize) -> bool {
        self.slots.iter().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let bounds = first.parse::<usize>().ok().zip(last.parse().ok());
            bounds.is_some_and(|(first, last)| (first..=last).contains(&slot))
        })
    }
}

/// One comparable text per view: who is who and who serves what.
pub(super) fn picture(views: &[View]) -> Result<String> {
    let mut lines = Vec::new();
    for view in views {
        ensure!(
            view.healthy,
            "the node on port {} is not reached",
            view.port
        );
        lines.push(format!(
            "{} {} {:?} {:?}",
            view.id, view.port, view.follows, view.slots
        ));
    }
    lines.sort();
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cluster_nodes_is_read() {
        let line = "07c3 127.0.0.1:30004@40004,host slave e7d1 0 1426238317239 4 connected";
        let view = View::parse(line).unwrap();
        assert_eq!(
            (view.port, view.primary, view.healthy),
            (30_004, false, true)
        );
        assert_eq!(view.follows.as_deref(), Some("e7d1"));
        let line = "e7d1 127.0.0.1:30001@40001 myself,master - 0 0 1 connected 0-5460 7000 [1->-x]";
        let view = View::parse(line).unwrap();
        assert!(view.primary && view.serves(5460) && view.serves(7000) && !view.serves(5461));
        let line = "6ec2 127.0.0.1:30003@40003 master,fail - 0 0 3 disconnected";
        assert!(!View::parse(line).unwrap().healthy);
    }
}
