-- What a decision was about: a rebuild makes the closed letter from it, because the record may
-- decode by now and then says nothing of why it was a letter.

ALTER TABLE decisions
    ADD COLUMN cause text,
    ADD COLUMN error text,
    ADD COLUMN order_id text COLLATE "C";
COMMENT ON COLUMN decisions.cause IS 'Cause of the letter when it was decided about; null: not about a letter.';
COMMENT ON COLUMN decisions.error IS 'Error of the letter when it was decided about.';
COMMENT ON COLUMN decisions.order_id IS 'The order that the letter marked as incomplete; null: none.';
CREATE INDEX decisions_by_record ON decisions (view, partition, from_offset);
