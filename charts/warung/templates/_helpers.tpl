{{- define "warung.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Name of every object: the release's, with the chart's in it. */}}
{{- define "warung.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "warung.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "warung.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The NetworkPolicies of shops let in the pods of this name. */}}
{{- define "warung.selector" -}}
app.kubernetes.io/name: warung-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "warung.labels" -}}
{{ include "warung.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: warung
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "warung.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "warung.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "set serviceAccount.name, or let serviceAccount.create be true" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "warung.tag" -}}
{{- default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "warung.image" -}}
{{- with .Values.image }}{{ if .registry }}{{ .registry }}/{{ end }}{{ .repository }}{{ end -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ include "warung.tag" . }}{{ end }}
{{- end }}

{{- define "warung.botImage" -}}
{{- if .Values.shops.botImage }}
{{- .Values.shops.botImage }}
{{- else }}
{{- with .Values.image }}{{ if .registry }}{{ .registry }}/{{ end }}{{ end }}warung-bot:{{ include "warung.tag" . }}
{{- end }}
{{- end }}

{{- define "warung.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "warung.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}
