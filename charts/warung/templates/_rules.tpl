{{/*
What the operator may do where it serves shops. No `*`, no pods/exec, no escalation. The operator
writes by server-side apply, which needs create and patch; update is not needed.
*/}}
{{- define "warung.rules" -}}
# Its own kinds: people write them, the operator says how they do. Backups of the schedule are
# recorded, and forgotten when they are pruned.
- apiGroups: [shops.warung.dev]
  resources: [whatsappshops, shoprestores]
  verbs: [get, list, watch]
- apiGroups: [shops.warung.dev]
  resources: [shopbackups]
  verbs: [get, list, watch, create, delete]
- apiGroups: [shops.warung.dev]
  resources: [whatsappshops/status, shopbackups/status, shoprestores/status]
  verbs: [patch]
# To be named as an owner that blocks its deletion; some clusters ask for this right.
- apiGroups: [shops.warung.dev]
  resources: [whatsappshops/finalizers, shopbackups/finalizers, shoprestores/finalizers]
  verbs: [update]
# What a shop is made of.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: &children [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: *children
- apiGroups: [""]
  resources: [services, configmaps, secrets, serviceaccounts, persistentvolumeclaims]
  verbs: *children
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: *children
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: *children
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: *children
# Kinds that a cluster may have.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: *children
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, prometheusrules]
  verbs: *children
- apiGroups: [postgresql.cnpg.io]
  resources: [clusters]
  verbs: *children
# Pods are made by their controllers; the operator looks at them, and rolls Redis by deleting.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
