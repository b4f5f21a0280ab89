-- What came in and must be answered; what must go out and may not be lost.

CREATE TABLE inbox (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone_number_id  text NOT NULL,
    key              text NOT NULL,
    kind             text NOT NULL
                     CHECK (kind IN ('message', 'status', 'handover', 'other', 'malformed')),
    customer_id      bigint REFERENCES customer,
    payload          text NOT NULL,
    trace            text,
    state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead')),
    attempts         int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    error            text,
    sent_at          timestamptz,
    received_at      timestamptz NOT NULL,
    run_at           timestamptz NOT NULL,
    done_at          timestamptz,
    CONSTRAINT inbox_once UNIQUE (phone_number_id, key),
    CONSTRAINT inbox_message_has_customer CHECK (kind <> 'message' OR customer_id IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.005);
-- Two indexes with different predicates: where statistics say "nothing is pending" the planner
-- would else walk the whole backlog for each customer.
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending' AND kind = 'message';
CREATE INDEX inbox_pending_customer ON inbox (customer_id, id) WHERE state = 'pending';
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
COMMENT ON COLUMN inbox.key IS 'wamid of a message; wamid, status and recipient of a status.';
COMMENT ON COLUMN inbox.payload IS 'The item as Meta sent it, as text: it need not be valid JSONB.';

CREATE TABLE outbox (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic            text NOT NULL DEFAULT 'whatsapp' CHECK (topic IN ('whatsapp', 'invalidate')),
    customer_id      bigint REFERENCES customer,
    priority         smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    payload          jsonb,
    sealed           bytea,
    dedupe_key       text UNIQUE,
    inbox_id         bigint,
    trace            text,
    state            text NOT NULL DEFAULT 'pending'
                     CHECK (state IN ('pending', 'sending', 'sent', 'unknown', 'dead')),
    owner            uuid,
    attempts         int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    unknowns         smallint NOT NULL DEFAULT 0,
    run_at           timestamptz NOT NULL,
    error            text,
    wamid            text,
    delivery         text CHECK (delivery IN ('sent', 'delivered', 'read', 'played', 'failed')),
    billable         boolean,
    created_at       timestamptz NOT NULL,
    sent_at          timestamptz,
    CONSTRAINT outbox_one_body CHECK (num_nonnulls(payload, sealed) = 1),
    CONSTRAINT outbox_to_somebody CHECK (topic <> 'whatsapp' OR customer_id IS NOT NULL),
    CONSTRAINT outbox_sending_has_owner CHECK ((state = 'sending') = (owner IS NOT NULL))
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.005);
CREATE INDEX outbox_due ON outbox (priority, id) WHERE state = 'pending' AND topic = 'whatsapp';
CREATE INDEX outbox_sending ON outbox (owner) WHERE state = 'sending';
CREATE INDEX outbox_unsent_customer ON outbox (customer_id, id) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_unknown ON outbox (run_at) WHERE state = 'unknown';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE UNIQUE INDEX outbox_wamid ON outbox (wamid) WHERE wamid IS NOT NULL;
COMMENT ON COLUMN outbox.priority IS '0 money, 1 receipt, 2 chat, 3 marketing.';
COMMENT ON COLUMN outbox.sealed IS 'The payload sealed with the data key, where it holds a secret.';
COMMENT ON COLUMN outbox.owner IS 'The bot whose send is in flight.';
COMMENT ON COLUMN outbox.inbox_id IS
    'The message it answers. No foreign key: inbox rows are deleted once Meta cannot send them again.';
COMMENT ON COLUMN outbox.unknowns IS 'Sends whose answer was lost.';
