-- Webhook endpoints that do not accept deliveries, for operators.

SET LOCAL lock_timeout = '5s';

CREATE INDEX webhook_endpoints_failing ON webhook_endpoints (failing_since, id)
WHERE failing_since IS NOT NULL OR disabled_reason IS NOT NULL;
COMMENT ON INDEX webhook_endpoints_failing IS 'store::webhooks::list_failing_endpoints';
