-- What is for sale, how many there are, and the version that tells caches what is stale.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE category (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug      text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    name_id   text NOT NULL,
    name_en   text NOT NULL,
    emoji     text NOT NULL DEFAULT '',
    position  int NOT NULL DEFAULT 0
);

CREATE TABLE media (
    sha256  text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    mime    text NOT NULL CHECK (mime IN ('image/png', 'image/jpeg')),
    bytes   bytea NOT NULL CHECK (length(bytes) <= 5 * 1024 * 1024)
);
COMMENT ON TABLE media IS 'Content-addressed pictures; 5 MB is WhatsApp''s limit for an image.';

CREATE TABLE product (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id     bigint NOT NULL REFERENCES category,
    name_id         text NOT NULL,
    name_en         text NOT NULL,
    description_id  text NOT NULL DEFAULT '',
    description_en  text NOT NULL DEFAULT '',
    kind            text NOT NULL CHECK (kind IN ('physical', 'digital')),
    image           text REFERENCES media,
    active          boolean NOT NULL DEFAULT true,
    position        int NOT NULL DEFAULT 0,
    search          text GENERATED ALWAYS AS (lower(name_id || ' ' || name_en)) STORED,
    UNIQUE (category_id, name_id)
);
CREATE INDEX product_category ON product (category_id, position, id) WHERE active;
CREATE INDEX product_search ON product USING gin (search gin_trgm_ops) WHERE active;

CREATE TABLE variant (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id      bigint NOT NULL REFERENCES product,
    sku             text COLLATE "C" NOT NULL UNIQUE CHECK (sku ~ '^[A-Z0-9][A-Z0-9-]{0,31}$'),
    label_id        text NOT NULL DEFAULT '',
    label_en        text NOT NULL DEFAULT '',
    price           bigint NOT NULL CHECK (price BETWEEN 1 AND 20000000000),
    reseller_price  bigint NOT NULL CHECK (reseller_price BETWEEN 1 AND 20000000000),
    weight_grams    int NOT NULL DEFAULT 0 CHECK (weight_grams >= 0),
    active          boolean NOT NULL DEFAULT true,
    position        int NOT NULL DEFAULT 0
);
CREATE INDEX variant_product ON variant (product_id, position, id);
COMMENT ON COLUMN variant.sku IS
    'Ordered by bytes in every database, as the program orders it: stock is locked in this order.';

-- What a list shows of a product. One without a variant for sale is not shown.
CREATE VIEW product_card AS
SELECT p.id, p.category_id, p.position, p.name_id, p.name_en, p.kind,
       v.sku, v.price, v.reseller_price, v.variant_ids
FROM product p
CROSS JOIN LATERAL (
    SELECT (array_agg(v.sku ORDER BY v.position, v.id))[1] AS sku, min(v.price) AS price,
           min(v.reseller_price) AS reseller_price,
           array_agg(v.id ORDER BY v.position, v.id) AS variant_ids
    FROM variant v
    WHERE v.product_id = p.id AND v.active
) v
WHERE p.active AND v.sku IS NOT NULL;

CREATE TABLE stock_item (
    variant_id  bigint PRIMARY KEY REFERENCES variant,
    on_hand     int NOT NULL DEFAULT 0,
    reserved    int NOT NULL DEFAULT 0,
    CONSTRAINT stock_never_negative CHECK (on_hand >= 0 AND reserved >= 0),
    CONSTRAINT stock_never_oversold CHECK (reserved <= on_hand)
) WITH (fillfactor = 50);

-- The version of everything a customer can browse. A row, not a sequence: its lock makes the order
-- of versions the order of commits, so no reader can see version 6 without seeing 5.
CREATE TABLE catalog_version (
    tag      text PRIMARY KEY,
    version  bigint NOT NULL
);
INSERT INTO catalog_version (tag, version) VALUES ('produk', 1);

-- Deferred to the commit, so that the version's row is always the last lock that a transaction
-- takes and can be part of no deadlock. One rise a transaction is enough: nobody sees the
-- transaction's changes without it.
CREATE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised bigint;
    this_one text := pg_current_xact_id()::text;
BEGIN
    IF current_setting('warung.catalog_raised_by', true) = this_one THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('warung.catalog_raised_by', this_one, true);
    UPDATE catalog_version SET version = version + 1 WHERE tag = 'produk' RETURNING version INTO raised;
    INSERT INTO outbox (topic, priority, payload, run_at, created_at)
        VALUES ('invalidate', 0, jsonb_build_object('tag', 'produk', 'version', raised), now(), now());
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER category_changed AFTER INSERT OR UPDATE OR DELETE ON category
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
CREATE CONSTRAINT TRIGGER product_changed AFTER INSERT OR UPDATE OR DELETE ON product
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
CREATE CONSTRAINT TRIGGER variant_changed AFTER INSERT OR UPDATE OR DELETE ON variant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
-- Every sale moves stock; only selling out and coming back change what a customer may order.
CREATE CONSTRAINT TRIGGER stock_turned AFTER UPDATE ON stock_item
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.on_hand = OLD.reserved) IS DISTINCT FROM (NEW.on_hand = NEW.reserved))
    EXECUTE FUNCTION catalog_changed();
