-- Fences, settings, and what the auditor found.

CREATE SEQUENCE fence_token;
CREATE TABLE lock_fence (
    resource  text PRIMARY KEY,
    token     bigint NOT NULL
) WITH (fillfactor = 60);
COMMENT ON TABLE lock_fence IS
    'The newest token that committed under each lock; an older one finds no row to update.';

CREATE TABLE setting (
    key         text PRIMARY KEY,
    value       text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE staff_action (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint REFERENCES customer,
    actor        text NOT NULL,
    action       text NOT NULL,
    detail       jsonb NOT NULL,
    at           timestamptz NOT NULL
);
CREATE TRIGGER staff_action_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON staff_action
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();

CREATE TABLE invariant_violation (
    rule      text NOT NULL,
    subject   text NOT NULL,
    detail    text NOT NULL,
    found_at  timestamptz NOT NULL,
    PRIMARY KEY (rule, subject)
);
