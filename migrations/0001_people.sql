-- Customers, the identities by which WhatsApp knows them, and their conversations.

CREATE TABLE customer (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role          text NOT NULL DEFAULT 'customer'
                  CHECK (role IN ('customer', 'reseller', 'staff', 'admin', 'owner')),
    profile_name  text,
    language      text CHECK (language IN ('id', 'en')),
    marketing     boolean NOT NULL DEFAULT false,
    address       bytea,
    merged_into   bigint REFERENCES customer,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customer_not_merged_into_itself CHECK (merged_into <> id)
);
COMMENT ON COLUMN customer.language IS 'The language the customer chose; null until chosen.';
COMMENT ON COLUMN customer.address IS 'Delivery address, sealed with the shop''s data key.';
COMMENT ON COLUMN customer.merged_into IS 'Set when WhatsApp told us that two identities are one person.';

CREATE TABLE customer_alias (
    kind         text NOT NULL CHECK (kind IN ('bsuid', 'parent_bsuid', 'wa_id')),
    value        text NOT NULL,
    customer_id  bigint NOT NULL REFERENCES customer,
    retired      boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, value)
);
CREATE INDEX customer_alias_customer ON customer_alias (customer_id);
COMMENT ON TABLE customer_alias IS
    'Channel identities. A BSUID is never turned into a phone number: they are different kinds.';
COMMENT ON COLUMN customer_alias.retired IS
    'A BSUID that WhatsApp has replaced: late messages under it are still its customer''s.';

-- A bot process. Everything it holds (conversations, sends, payment calls) may be taken over by
-- another bot once alive_until has passed.
CREATE TABLE bot_instance (
    id           uuid PRIMARY KEY,
    address      text NOT NULL,
    started_at   timestamptz NOT NULL,
    alive_until  timestamptz NOT NULL
);

CREATE TABLE conversation (
    customer_id  bigint PRIMARY KEY REFERENCES customer,
    state        jsonb NOT NULL DEFAULT '{}',
    lease_owner  uuid,
    lease_epoch  bigint NOT NULL DEFAULT 0 CHECK (lease_epoch >= 0)
) WITH (fillfactor = 70);
COMMENT ON COLUMN conversation.lease_owner IS
    'The bot that has this customer''s messages in flight; null when nobody has.';
COMMENT ON COLUMN conversation.lease_epoch IS
    'Raised at every claim. A commit made under an older epoch finds no row and rolls back.';
