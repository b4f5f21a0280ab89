-- The double-entry ledger of one shop. Amounts are whole rupiah, credit positive; every transaction
-- sums to zero; nothing is ever changed or deleted.

CREATE FUNCTION forbid_mutation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = '55000';
END $$;

CREATE TABLE ledger_account (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code         text NOT NULL UNIQUE,
    kind         text NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense')),
    customer_id  bigint UNIQUE REFERENCES customer,
    bounded      boolean NOT NULL,
    posted       bigint NOT NULL DEFAULT 0,
    pending_out  bigint NOT NULL DEFAULT 0,
    version      bigint NOT NULL DEFAULT 0,
    CONSTRAINT saldo_non_negative CHECK (NOT bounded OR posted - pending_out >= 0),
    CONSTRAINT pending_non_negative CHECK (pending_out >= 0),
    CONSTRAINT unbounded_uncached CHECK (bounded OR (posted = 0 AND pending_out = 0)),
    CONSTRAINT bounded_is_a_customers CHECK (bounded = (customer_id IS NOT NULL))
) WITH (fillfactor = 60);
COMMENT ON COLUMN ledger_account.bounded IS
    'A customer''s saldo: balance cached, floor zero. System accounts are derived from their entries, so that no purchase waits for a hot row.';
INSERT INTO ledger_account (code, kind, bounded) VALUES
    ('midtrans:clearing', 'asset', false), ('sales', 'income', false),
    ('suspense', 'liability', false), ('adjustment', 'expense', false);

CREATE TABLE ledger_txn (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN
                  ('topup', 'purchase', 'refund', 'reversal', 'adjustment', 'suspense', 'opening')),
    phase         text NOT NULL DEFAULT 'single' CHECK (phase IN ('single', 'pending', 'post', 'void')),
    pending_id    uuid REFERENCES ledger_txn (id),
    held          bigint CHECK (held > 0),
    held_on       bigint REFERENCES ledger_account (id),
    source_type   text NOT NULL,
    source_id     text NOT NULL,
    actor         text NOT NULL,
    memo          text,
    event_at      timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    created_xid   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT resolves_a_pending CHECK ((phase IN ('post', 'void')) = (pending_id IS NOT NULL)),
    CONSTRAINT pending_holds CHECK ((phase = 'pending') = (held IS NOT NULL)),
    CONSTRAINT pending_holds_somewhere CHECK ((held IS NULL) = (held_on IS NULL)),
    CONSTRAINT ledger_txn_once UNIQUE (kind, phase, source_type, source_id)
);
CREATE UNIQUE INDEX ledger_pending_resolved_once ON ledger_txn (pending_id)
    WHERE phase IN ('post', 'void');
CREATE INDEX ledger_txn_pending ON ledger_txn (id) WHERE phase = 'pending';
CREATE INDEX ledger_txn_held ON ledger_txn (held_on) WHERE phase = 'pending';
COMMENT ON COLUMN ledger_txn.held IS 'Rupiah that a pending transaction keeps from being spent twice.';
COMMENT ON COLUMN ledger_txn.held_on IS
    'The account it holds them on, which stays the same when its customer is merged into another.';

CREATE TABLE ledger_entry (
    txn_id           uuid NOT NULL REFERENCES ledger_txn (id),
    line             smallint NOT NULL,
    account_id       bigint NOT NULL REFERENCES ledger_account (id),
    amount           bigint NOT NULL CHECK (amount <> 0 AND abs(amount) <= 9000000000000),
    account_version  bigint,
    balance_after    bigint,
    PRIMARY KEY (txn_id, line)
);
CREATE UNIQUE INDEX ledger_entry_version ON ledger_entry (account_id, account_version)
    WHERE account_version IS NOT NULL;

CREATE FUNCTION ledger_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    opened xid8;
BEGIN
    SELECT created_xid INTO opened FROM ledger_txn WHERE id = NEW.txn_id;
    IF opened IS DISTINCT FROM pg_current_xact_id() THEN
        RAISE EXCEPTION 'entries are sealed with their transaction' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_entry_guard BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_entry_guard();

CREATE FUNCTION ledger_txn_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total bigint;
    lines int;
BEGIN
    SELECT coalesce(sum(amount), 0), count(*) INTO total, lines
        FROM ledger_entry WHERE txn_id = NEW.id;
    IF NEW.phase IN ('pending', 'void') THEN
        IF lines <> 0 THEN
            RAISE EXCEPTION 'a % transaction has no entries', NEW.phase USING ERRCODE = '23514';
        END IF;
    ELSIF lines < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'transaction % does not balance: % entries, sum %', NEW.id, lines, total
            USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_txn_balanced AFTER INSERT ON ledger_txn
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_txn_balanced();

CREATE TRIGGER ledger_txn_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_txn
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();
