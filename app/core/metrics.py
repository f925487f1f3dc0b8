"""Prometheus metrics, served at `/metrics`; a process counts for itself."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("onefile_http_requests", "HTTP requests", ("method", "route", "status"))
DURATION = Histogram(
    "onefile_http_request_seconds",
    "Time from request to the end of the answer",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
AUDIT_DROPPED = Counter("onefile_audit_dropped", "Requests whose trail could not be written down")
RETENTION = Counter("onefile_retention_deleted", "What was deleted because its time was over", ("kind",))
INGEST = Counter(
    "onefile_ingest_requests", "Provider requests: filed, known, ignored, quarantined or refused", ("source", "outcome")
)
