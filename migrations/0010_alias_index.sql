-- One index for what every claim asks: a customer's names of a kind, the newest first. With the old
-- one the planner, before it had statistics, also walked over everybody's names of that kind.
CREATE INDEX customer_alias_names ON customer_alias (customer_id, kind, created_at DESC);
DROP INDEX customer_alias_customer;
