//! What CloudNativePG says of its `Cluster`.

use serde_json::Value;

use crate::conditions::{Finding, Reason, Truth};

/// Whether a `Cluster` of CloudNativePG takes connections yet.
///
/// # Errors
/// The finding that says what is missing: the kind itself, the object, or its first server.
pub fn cloud_native_pg(kind_is_known: bool, cluster: Option<&Value>) -> Result<(), Finding> {
    let not_ready = |reason, message: String| {
        Err(Finding {
            truth: Truth::False,
            reason,
            message,
        })
    };
    if !kind_is_known {
        return not_ready(
            Reason::OperatorMissing,
            "database.cloudNativePG needs the kind Cluster of postgresql.cnpg.io, which this \
             cluster does not have: install CloudNativePG (https://cloudnative-pg.io)"
                .to_owned(),
        );
    }
    let Some(cluster) = cluster else {
        let message = "the Cluster of CloudNativePG is not there yet";
        return not_ready(Reason::Waiting, message.to_owned());
    };
    let status = &cluster["status"];
    if status["readyInstances"].as_i64().unwrap_or(0) > 0
        && status["currentPrimary"]
            .as_str()
            .is_some_and(|it| !it.is_empty())
    {
        return Ok(());
    }
    let name = cluster["metadata"]["name"].as_str().unwrap_or_default();
    let said = ["phaseReason", "phase"]
        .iter()
        .find_map(|key| status[*key].as_str().filter(|text| !text.is_empty()))
        .unwrap_or("nothing yet; is the operator of CloudNativePG running?");
    let message = format!("Cluster {name} has no server that is ready; it says: {said}");
    not_ready(Reason::Starting, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(known: bool, cluster: Option<&Value>) -> Option<Reason> {
        let looked = cloud_native_pg(known, cluster);
        looked.err().map(|finding| finding.reason)
    }

    #[test]
    fn a_cluster_is_ready_with_its_first_server() {
        assert_eq!(reason(false, None), Some(Reason::OperatorMissing));
        assert_eq!(reason(true, None), Some(Reason::Waiting));
        let cluster = json!({"metadata": {"name": "toko-postgres"}, "status": {
            "instances": 3, "phase": "Setting up primary",
        }});
        let said = cloud_native_pg(true, Some(&cluster)).unwrap_err();
        assert_eq!(said.reason, Reason::Starting);
        assert_eq!(
            said.message,
            "Cluster toko-postgres has no server that is ready; it says: Setting up primary"
        );
        let ready = json!({"status": {
            "instances": 3, "readyInstances": 1, "currentPrimary": "toko-postgres-1",
        }});
        assert_eq!(reason(true, Some(&ready)), None);
    }
}
