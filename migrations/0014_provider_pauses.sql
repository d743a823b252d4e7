-- Pauses of providers by an operator, beside those of the circuit breaker.

SET LOCAL lock_timeout = '5s';

ALTER TABLE providers
    ADD COLUMN operator_pause text CHECK (operator_pause IN ('PAUSED', 'DRAINING')),
    ADD COLUMN operator_reason text;
COMMENT ON COLUMN providers.operator_pause IS 'PAUSED: nothing is submitted; DRAINING: what is queued is submitted, and new tasks are rejected';
