-- Payments at Midtrans: attempts, and the notifications that only ever hint at them.

CREATE TABLE payment_attempt (
    id                 uuid PRIMARY KEY,
    purpose            text NOT NULL CHECK (purpose IN ('order', 'topup')),
    order_id           uuid REFERENCES orders,
    topup_nonce        text UNIQUE,
    customer_id        bigint NOT NULL REFERENCES customer,
    provider_order_id  text NOT NULL UNIQUE
                       CHECK (provider_order_id ~ '^[A-Z0-9][A-Za-z0-9._~-]{6,34}[a-z]$'),
    amount             bigint NOT NULL CHECK (amount BETWEEN 1 AND 20000000000),
    method             text NOT NULL,
    idem_key           uuid NOT NULL UNIQUE,
    state              text NOT NULL CHECK (state IN ('creating', 'unknown', 'pending', 'settled',
                       'reversed', 'failed', 'expired', 'cancelled', 'refunded',
                       'partially_refunded', 'charged_back')),
    cancel_requested   boolean NOT NULL DEFAULT false,
    provider_txn_id    text UNIQUE,
    provider_status    text,
    fraud_status       text,
    instructions       jsonb,
    credit_txn         uuid UNIQUE REFERENCES ledger_txn,
    credited_to        text CHECK (credited_to IN ('order', 'saldo', 'suspense')),
    hold_until         timestamptz,
    owner              uuid,
    claimed_at         timestamptz,
    failures           int NOT NULL DEFAULT 0 CHECK (failures >= 0),
    polls              int NOT NULL DEFAULT 0,
    act_at             timestamptz,
    created_at         timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    checked_at         timestamptz,
    version            bigint NOT NULL DEFAULT 0,
    CONSTRAINT payment_owned_since CHECK ((owner IS NULL) = (claimed_at IS NULL)),
    CONSTRAINT payment_for_something CHECK ((purpose = 'order') = (order_id IS NOT NULL)),
    CONSTRAINT payment_topup_nonce CHECK ((purpose = 'topup') = (topup_nonce IS NOT NULL)),
    CONSTRAINT payment_settled_is_credited CHECK (state NOT IN ('settled', 'refunded',
        'partially_refunded', 'charged_back', 'reversed') OR credit_txn IS NOT NULL),
    CONSTRAINT payment_credit_has_a_place CHECK ((credit_txn IS NULL) = (credited_to IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX payment_one_live ON payment_attempt (order_id)
    WHERE state IN ('creating', 'unknown', 'pending');
CREATE INDEX payment_due ON payment_attempt (act_at) WHERE act_at IS NOT NULL;
CREATE INDEX payment_order ON payment_attempt (order_id);
CREATE INDEX payment_topup ON payment_attempt (customer_id) WHERE purpose = 'topup';
COMMENT ON COLUMN payment_attempt.provider_order_id IS
    'Our order_id at Midtrans; ends in a letter, because the signature has no separators.';
COMMENT ON COLUMN payment_attempt.owner IS 'The bot that works on it, since claimed_at.';
COMMENT ON COLUMN payment_attempt.failures IS
    'Calls to Midtrans in a row that gave no answer; the next waits the longer for it.';
COMMENT ON COLUMN payment_attempt.hold_until IS
    'The bank may take the money back until then. Money for saldo is credited only after it.';
COMMENT ON COLUMN payment_attempt.act_at IS
    'When a bot must next do something about it (charge, ask, cancel); null when nothing is due.';

CREATE TABLE payment_event (
    attempt_id  uuid NOT NULL REFERENCES payment_attempt,
    version     bigint NOT NULL,
    from_state  text,
    to_state    text NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, version)
);
CREATE TRIGGER payment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_event
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();

CREATE TABLE payment_notification (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body_sha256         bytea NOT NULL UNIQUE,
    provider_order_id   text NOT NULL,
    transaction_status  text,
    raw                 bytea NOT NULL CHECK (length(raw) <= 65536),
    received_at         timestamptz NOT NULL
);
CREATE TRIGGER payment_notification_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_notification
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();
