//! What Prometheus and Grafana are given, where their kinds exist.

use kube::api::ApiResource;
use serde_json::{Value, json};

use super::Site;
use crate::shop::Child;

pub(super) fn all(_site: &Site) -> Vec<Child> {
    let _ = (json!({}), None::<(ApiResource, Value)>);
    Vec::new()
}
