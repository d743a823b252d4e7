-- Limits of providers that an operator has changed while the gateways run.

SET LOCAL lock_timeout = '5s';

ALTER TABLE providers
    ADD COLUMN operator_submissions integer CHECK (operator_submissions >= 0),
    ADD COLUMN operator_concurrent_jobs integer CHECK (operator_concurrent_jobs >= 0),
    ADD COLUMN operator_queries integer CHECK (operator_queries >= 1);
COMMENT ON COLUMN providers.operator_submissions IS 'instead of the setting: submissions in each window of the rate limit';
COMMENT ON COLUMN providers.operator_concurrent_jobs IS 'instead of the setting: jobs in progress at the provider';
COMMENT ON COLUMN providers.operator_queries IS 'instead of the setting: status queries per second';
