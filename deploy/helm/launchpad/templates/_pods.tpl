{{/* What portal, backup and restore have in common. */}}

{{- define "launchpad.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "launchpad.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "launchpad.image" -}}
image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "launchpad.env" -}}
# Set, because Kubernetes would put an address of a Service named launchpad under the same name.
- name: LAUNCHPAD_PORT
  value: "8080"
- name: LAUNCHPAD_BIND
  value: 0.0.0.0
- name: LAUNCHPAD_METRICS__BIND
  value: 0.0.0.0:9464
{{- if .Values.database.existingSecret }}
- name: LAUNCHPAD_DB
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.key }}
- name: LAUNCHPAD_AUDIT__KEY_FILE
  value: /audit/key
- name: LAUNCHPAD_AUDIT__CHECKPOINTS_FILE
  value: /data/launchpad.audit-checkpoints
{{- else }}
- name: LAUNCHPAD_DB
  value: /data/launchpad.db
- name: LAUNCHPAD_AUDIT__KEY_FILE
  value: /data/launchpad.db.audit-key
{{- end }}
- name: LAUNCHPAD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: LAUNCHPAD_PLUGINS__CACHE
  value: /cache/launchpad
- name: LAUNCHPAD_PLUGINS__SECRETS
  value: /secrets
{{- end }}

{{- define "launchpad.dataMounts" -}}
{{- if .Values.database.existingSecret }}
- name: audit
  mountPath: /audit
  readOnly: true
{{- end }}
- name: data
  mountPath: /data
{{- end }}

{{- define "launchpad.dataVolumes" -}}
{{- if .Values.database.existingSecret }}
# Of several portals none may have a claim: it is for one node at a time.
- name: data
  emptyDir:
    sizeLimit: 64Mi
- name: audit
  secret:
    secretName: {{ .Values.audit.existingSecret }}
    defaultMode: 0440
{{- else }}
- name: data
  persistentVolumeClaim:
    claimName: launchpad-data
{{- end }}
{{- end }}
