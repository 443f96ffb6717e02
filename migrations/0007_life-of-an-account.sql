ALTER TABLE "grants" DROP CONSTRAINT "grants_topics";--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "access_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_topics" CHECK ("grants"."topics" is null or (cardinality("grants"."topics") > 0 and not "grants"."topics" && array['billing', 'ownership']::text[]));