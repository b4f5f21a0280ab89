-- Carts, quotes, orders, and the stock that orders hold.

CREATE TABLE cart_line (
    customer_id  bigint NOT NULL REFERENCES customer,
    variant_id   bigint NOT NULL REFERENCES variant,
    qty          int NOT NULL CHECK (qty BETWEEN 1 AND 999),
    added_at     timestamptz NOT NULL,
    PRIMARY KEY (customer_id, variant_id)
);

CREATE TABLE quote (
    nonce        text PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customer,
    lines        jsonb NOT NULL,
    from_cart    boolean NOT NULL,
    subtotal     bigint NOT NULL CHECK (subtotal > 0),
    shipping     bigint NOT NULL CHECK (shipping >= 0),
    total        bigint NOT NULL CHECK (total = subtotal + shipping),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX quote_customer ON quote (customer_id, created_at);

CREATE TABLE orders (
    id           uuid PRIMARY KEY,
    number       text NOT NULL UNIQUE,
    customer_id  bigint NOT NULL REFERENCES customer,
    quote_nonce  text NOT NULL REFERENCES quote,
    state        text NOT NULL CHECK (state IN ('draft', 'awaiting_payment', 'paid', 'fulfilling',
                 'completed', 'cancelled', 'expired', 'refunding', 'refunded', 'disputed')),
    subtotal     bigint NOT NULL CHECK (subtotal >= 0),
    shipping     bigint NOT NULL DEFAULT 0 CHECK (shipping >= 0),
    total        bigint NOT NULL CHECK (total > 0),
    saldo_part   bigint NOT NULL DEFAULT 0 CHECK (saldo_part BETWEEN 0 AND total),
    saldo_hold   uuid UNIQUE REFERENCES ledger_txn,
    paid         bigint NOT NULL DEFAULT 0 CHECK (paid >= 0),
    refunded     bigint NOT NULL DEFAULT 0,
    digital      boolean NOT NULL,
    deliver_after timestamptz,
    address      bytea,
    courier      text,
    tracking     text,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    version      bigint NOT NULL DEFAULT 0,
    CONSTRAINT orders_quote_once UNIQUE (quote_nonce),
    CONSTRAINT orders_total CHECK (total = subtotal + shipping),
    CONSTRAINT orders_refund CHECK (refunded BETWEEN 0 AND paid),
    CONSTRAINT orders_paid_in_full
        CHECK (state NOT IN ('paid', 'fulfilling', 'completed') OR paid >= total)
) WITH (fillfactor = 70);
CREATE INDEX orders_customer ON orders (customer_id, created_at DESC);
CREATE INDEX orders_open ON orders (expires_at) WHERE state = 'awaiting_payment';
CREATE INDEX orders_held ON orders (deliver_after) WHERE deliver_after IS NOT NULL;
COMMENT ON COLUMN orders.saldo_part IS 'Rupiah of the total that the customer pays from saldo.';
COMMENT ON COLUMN orders.saldo_hold IS 'The pending ledger transaction that holds saldo_part.';
COMMENT ON COLUMN orders.deliver_after IS
    'Digital goods of a payment that its bank may still reverse wait until then; null when nothing waits.';

CREATE TABLE order_line (
    id          uuid PRIMARY KEY,
    order_id    uuid NOT NULL REFERENCES orders,
    variant_id  bigint NOT NULL REFERENCES variant,
    name        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('physical', 'digital')),
    qty         int NOT NULL CHECK (qty > 0),
    unit_price  bigint NOT NULL CHECK (unit_price >= 0),
    UNIQUE (order_id, variant_id)
);

CREATE TABLE order_event (
    order_id    uuid NOT NULL REFERENCES orders,
    version     bigint NOT NULL,
    from_state  text,
    to_state    text NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (order_id, version)
);
CREATE TRIGGER order_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_event
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();

CREATE TABLE stock_reservation (
    order_line_id  uuid PRIMARY KEY REFERENCES order_line,
    variant_id     bigint NOT NULL REFERENCES stock_item,
    qty            int NOT NULL CHECK (qty > 0),
    state          text NOT NULL CHECK (state IN ('held', 'committed', 'released')),
    expires_at     timestamptz NOT NULL
);
CREATE INDEX stock_reservation_held ON stock_reservation (variant_id) WHERE state = 'held';

CREATE TABLE stock_unit (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    variant_id     bigint NOT NULL REFERENCES stock_item,
    fingerprint    bytea NOT NULL,
    secret         bytea NOT NULL,
    order_line_id  uuid REFERENCES order_line,
    sold_at        timestamptz,
    CONSTRAINT stock_unit_sold CHECK ((order_line_id IS NULL) = (sold_at IS NULL)),
    CONSTRAINT stock_unit_unique UNIQUE (variant_id, fingerprint)
);
CREATE INDEX stock_unit_free ON stock_unit (variant_id, id) WHERE order_line_id IS NULL;
CREATE INDEX stock_unit_line ON stock_unit (order_line_id) WHERE order_line_id IS NOT NULL;
COMMENT ON TABLE stock_unit IS 'Digital goods: one row, one secret, one buyer.';
COMMENT ON COLUMN stock_unit.fingerprint IS 'HMAC of the secret: finds duplicates without opening them.';
COMMENT ON COLUMN stock_unit.secret IS 'The secret, sealed with the shop''s data key.';

CREATE TABLE stock_movement (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    variant_id  bigint NOT NULL REFERENCES stock_item,
    delta       int NOT NULL CHECK (delta <> 0),
    reason      text NOT NULL CHECK (reason IN ('import', 'staff', 'units', 'sale', 'return')),
    actor       text NOT NULL,
    order_line_id uuid UNIQUE REFERENCES order_line,
    at          timestamptz NOT NULL
);
CREATE INDEX stock_movement_variant ON stock_movement (variant_id) INCLUDE (delta);
COMMENT ON TABLE stock_movement IS 'Every change of on_hand; their sum is on_hand.';
CREATE TRIGGER stock_movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movement
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_mutation();
