-- The schemas of the registry with which records were written. They are kept beside the builds, because a rebuild has to
-- read every record of the log again, with or without the registry.

CREATE TABLE schemas (
    id bigint PRIMARY KEY CHECK (id BETWEEN 0 AND 4294967295),
    schema_type text NOT NULL,
    schema text NOT NULL,
    has_references boolean NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schemas IS 'Schemas of the registry, each kept before the first row that was read with it. A program looks here first, and asks the registry for what is missing.';
COMMENT ON COLUMN schemas.id IS 'The id that the registry has given to it, as it stands in the framing of a record''s value.';
COMMENT ON COLUMN schemas.schema_type IS 'The registry''s word for the format: AVRO, JSON, PROTOBUF or another one.';
COMMENT ON COLUMN schemas.schema IS 'The schema as the registry answered it.';
COMMENT ON COLUMN schemas.has_references IS 'Whether it refers to other schemas of the registry.';
COMMENT ON COLUMN schemas.first_seen IS 'When it was kept.';
