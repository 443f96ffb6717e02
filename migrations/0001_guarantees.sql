-- What drizzle-kit cannot say: exclusion and append-only. A test reads these objects back from the database.
CREATE EXTENSION IF NOT EXISTS btree_gist;
--> statement-breakpoint
-- Within an account a name is held by one domain row at a time, and its rows never overlap in time.
ALTER TABLE "domains" ADD CONSTRAINT "domains_one_at_a_time"
	EXCLUDE USING gist ("account_id" WITH =, "name" WITH =, tstzrange("created_at", "released_at") WITH &&);
--> statement-breakpoint
CREATE FUNCTION "refuse_rewriting"() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
	RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$body$;
--> statement-breakpoint
CREATE TRIGGER "journal_events_append_only" BEFORE UPDATE OR DELETE ON "journal_events"
	FOR EACH ROW EXECUTE FUNCTION "refuse_rewriting"();
--> statement-breakpoint
CREATE TRIGGER "journal_events_never_truncated" BEFORE TRUNCATE ON "journal_events"
	FOR EACH STATEMENT EXECUTE FUNCTION "refuse_rewriting"();
--> statement-breakpoint
-- Ends are final: an ended contact, a released domain, a grant in a terminal state and an ended session stay so,
-- whatever the program or a clock that steps back says.
CREATE FUNCTION "refuse_revival"() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
	RAISE EXCEPTION 'an ended row of % stays ended', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$body$;
--> statement-breakpoint
CREATE TRIGGER "contacts_stay_ended" BEFORE UPDATE ON "contacts" FOR EACH ROW
	WHEN (OLD."status" = 'ended' AND NEW."status" <> 'ended') EXECUTE FUNCTION "refuse_revival"();
--> statement-breakpoint
CREATE TRIGGER "domains_stay_released" BEFORE UPDATE ON "domains" FOR EACH ROW
	WHEN ((OLD."released_at" IS NOT NULL AND NEW."released_at" IS DISTINCT FROM OLD."released_at") OR NEW."name" <> OLD."name" OR NEW."account_id" <> OLD."account_id")
	EXECUTE FUNCTION "refuse_revival"();
--> statement-breakpoint
CREATE TRIGGER "grants_stay_ended" BEFORE UPDATE ON "grants" FOR EACH ROW
	WHEN (OLD."ended_at" IS NOT NULL AND NEW."status" <> OLD."status") EXECUTE FUNCTION "refuse_revival"();
--> statement-breakpoint
CREATE TRIGGER "sessions_stay_ended" BEFORE UPDATE ON "sessions" FOR EACH ROW
	WHEN (OLD."ended_at" IS NOT NULL AND NEW."ended_at" IS DISTINCT FROM OLD."ended_at") EXECUTE FUNCTION "refuse_revival"();
--> statement-breakpoint
CREATE TRIGGER "staff_members_stay_ended" BEFORE UPDATE ON "staff_members" FOR EACH ROW
	WHEN (OLD."ended_at" IS NOT NULL AND NEW."ended_at" IS DISTINCT FROM OLD."ended_at") EXECUTE FUNCTION "refuse_revival"();
--> statement-breakpoint
-- A session ends with the one it was cut from, in the same commit, whoever ends that one; an end further down is passed on likewise.
CREATE FUNCTION "end_narrowed_sessions"() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
	UPDATE "sessions" SET "ended_at" = NEW."ended_at" WHERE "parent_id" = NEW."id" AND "ended_at" IS NULL;
	RETURN NULL;
END
$body$;
--> statement-breakpoint
CREATE TRIGGER "sessions_end_together" AFTER UPDATE OF "ended_at" ON "sessions" FOR EACH ROW
	WHEN (OLD."ended_at" IS NULL AND NEW."ended_at" IS NOT NULL) EXECUTE FUNCTION "end_narrowed_sessions"();
