-- Refunds: an operator gives back what a task cost.

SET LOCAL lock_timeout = '5s';

ALTER TABLE ledger
    DROP CONSTRAINT ledger_kind_check,
    DROP CONSTRAINT ledger_from_account_check,
    ADD CONSTRAINT ledger_kind_check
        CHECK (kind IN ('OPENING', 'GRANT', 'RESERVE', 'SETTLE', 'RELEASE', 'CHARGE', 'REFUND')) NOT VALID,
    ADD CONSTRAINT ledger_from_account_check
        CHECK (from_account IN ('operator', 'available', 'reserved', 'spent')) NOT VALID;
