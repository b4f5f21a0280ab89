-- Parcels on their way, so that an order whose customer says nothing is found when it is time to
-- complete it. When it went out says its event.

CREATE INDEX orders_on_their_way ON orders (id) WHERE state = 'fulfilling';
