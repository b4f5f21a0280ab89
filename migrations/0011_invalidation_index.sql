-- The few invalidations that wait, found without walking over everything that was ever sent.
CREATE INDEX outbox_invalidations ON outbox (id) WHERE state = 'pending' AND topic = 'invalidate';
