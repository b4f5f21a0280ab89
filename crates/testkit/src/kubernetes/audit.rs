//! The audit log of an API server: one line of JSON a request.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

/// Every request that reads or writes something, without its body.
pub(super) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: [/readyz*, /livez*, /healthz*]
- level: Metadata
";

/// One request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Line")]
pub struct AuditEvent {
    /// `ResponseComplete`; for a watch also `ResponseStarted`.
    pub stage: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// Who asked, such as `system:serviceaccount:warung:warung-operator`.
    pub user: String,
    /// What the client calls itself.
    pub agent: String,
    /// API group, empty for the core group and for what is not a resource.
    pub group: String,
    /// Resource in the plural, empty for what is not a resource.
    pub resource: String,
    /// Such as `status` or `scale`; empty for the object itself.
    pub subresource: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Name of the object; empty for a list.
    pub name: String,
    /// Status of HTTP; 0 when there was none.
    pub code: u16,
    /// When it came, RFC 3339 with microseconds.
    pub received: String,
}

impl AuditEvent {
    /// Whether it asked for a change.
    pub fn is_write(&self) -> bool {
        let writes = ["create", "update", "patch", "delete", "deletecollection"];
        writes.contains(&self.verb.as_str())
    }

    /// Whether the server refused it for want of a right.
    pub fn is_forbidden(&self) -> bool {
        self.code == 403
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: Person,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Answer,
    request_received_timestamp: String,
}

#[derive(Deserialize)]
struct Person {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: u16,
}

impl From<Line> for AuditEvent {
    fn from(line: Line) -> Self {
        Self {
            stage: line.stage,
            verb: line.verb,
            uri: line.request_uri,
            user: line.user.username,
            agent: line.user_agent,
            group: line.object_ref.api_group,
            resource: line.object_ref.resource,
            subresource: line.object_ref.subresource,
            namespace: line.object_ref.namespace,
            name: line.object_ref.name,
            code: line.response_status.code,
            received: line.request_received_timestamp,
        }
    }
}

/// What was written to the log from byte `position` on. A line that is not whole yet is left.
pub(super) fn read(log: &Path, position: u64) -> Result<Vec<AuditEvent>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(position))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let events = whole.lines().map(serde_json::from_str);
    Ok(events.collect::<Result<_, _>>()?)
}
