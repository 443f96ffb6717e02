-- Events are never rewritten: when the actor of an older one was verified stays unknown. So the check is not asked of them, and they are
-- not read for it.
ALTER TABLE "journal_events" ADD COLUMN "verified_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "journal_events" ADD CONSTRAINT "journal_events_verified_at" CHECK (("journal_events"."verification" is null) = ("journal_events"."verified_at" is null)) NOT VALID;
