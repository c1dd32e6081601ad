-- The id that Kafka gave to the topic of a place, empty where it is not known. A topic that was deleted and made anew
-- has another one, so its records are not those behind the place.
ALTER TABLE touchstream.places ADD COLUMN topic_id text NOT NULL DEFAULT '';
