-- The peer's own schema: as small as its durable work allows.

CREATE TABLE customer (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wa_id       text NOT NULL UNIQUE,
    name        text NOT NULL DEFAULT '',
    saldo       bigint NOT NULL DEFAULT 0 CHECK (saldo >= 0),
    created_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

CREATE TABLE product (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku    text NOT NULL UNIQUE,
    name   text NOT NULL,
    price  bigint NOT NULL CHECK (price > 0),
    stock  int NOT NULL CHECK (stock >= 0)
) WITH (fillfactor = 50);

-- What came in; the primary key is the dedupe.
CREATE TABLE message (
    wamid        text PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customer,
    wa_id        text NOT NULL,
    payload      jsonb NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    done_at      timestamptz
) WITH (fillfactor = 80);
CREATE INDEX message_waiting ON message (received_at) WHERE done_at IS NULL;

-- What goes out, written in the commit that marks its message done.
CREATE TABLE reply (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message     text NOT NULL UNIQUE REFERENCES message,
    wa_id       text NOT NULL,
    payload     jsonb NOT NULL,
    wamid       text,
    status      smallint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz
) WITH (fillfactor = 60);
CREATE INDEX reply_waiting ON reply (id) WHERE sent_at IS NULL;

CREATE TABLE cart_line (
    customer_id  bigint NOT NULL REFERENCES customer,
    product_id   bigint NOT NULL REFERENCES product,
    qty          int NOT NULL CHECK (qty BETWEEN 1 AND 999),
    PRIMARY KEY (customer_id, product_id)
);

CREATE TABLE quote (
    nonce        text PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customer,
    product_id   bigint NOT NULL REFERENCES product,
    qty          int NOT NULL CHECK (qty > 0),
    total        bigint NOT NULL CHECK (total > 0),
    expires_at   timestamptz NOT NULL
);

CREATE TABLE orders (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number       bigint GENERATED ALWAYS AS IDENTITY,
    quote_nonce  text NOT NULL UNIQUE REFERENCES quote,
    customer_id  bigint NOT NULL REFERENCES customer,
    product_id   bigint NOT NULL REFERENCES product,
    qty          int NOT NULL,
    total        bigint NOT NULL,
    state        text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer ON orders (customer_id, created_at DESC);

CREATE TABLE stock_unit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  bigint NOT NULL REFERENCES product,
    secret      text NOT NULL,
    order_id    uuid REFERENCES orders
);
CREATE INDEX stock_unit_free ON stock_unit (product_id, id) WHERE order_id IS NULL;

-- Both legs of every movement of saldo.
CREATE TABLE ledger_entry (
    order_id       uuid NOT NULL REFERENCES orders,
    account        text NOT NULL,
    amount         bigint NOT NULL,
    balance_after  bigint,
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, account)
);
