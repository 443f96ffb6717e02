-- How much each verification is worth. What was written before levels were recorded gets what its method is worth by itself, but for
-- events, which are never rewritten: theirs stays unknown.
ALTER TABLE "domain_claims" ADD COLUMN "verification_level" text;--> statement-breakpoint
UPDATE "domain_claims" SET "verification_level" = CASE WHEN "verification" IN ('password+totp', 'passkey') THEN 'two_factors' WHEN "verification" = 'panel' THEN 'asserted' WHEN "verification" IN ('email:strong', 'email:proven') THEN 'mailbox' ELSE 'one_factor' END;--> statement-breakpoint
ALTER TABLE "domain_claims" ALTER COLUMN "verification_level" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "journal_events" ADD COLUMN "verification_level" text;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "verification_level" text;--> statement-breakpoint
UPDATE "messages" SET "verification_level" = CASE WHEN "verification" IN ('password+totp', 'passkey') THEN 'two_factors' WHEN "verification" = 'panel' THEN 'asserted' WHEN "verification" IN ('email:strong', 'email:proven') THEN 'mailbox' ELSE 'one_factor' END;--> statement-breakpoint
ALTER TABLE "messages" ALTER COLUMN "verification_level" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "level" text;--> statement-breakpoint
UPDATE "sessions" SET "level" = CASE WHEN "kind" = 'client' THEN 'client' WHEN "method" = 'panel' THEN 'asserted' WHEN "method" IN ('password+totp', 'passkey') THEN 'two_factors' ELSE 'one_factor' END;--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "level" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "verification_level" text;--> statement-breakpoint
UPDATE "tickets" SET "verification_level" = CASE WHEN "verification" IN ('password+totp', 'passkey') THEN 'two_factors' WHEN "verification" = 'panel' THEN 'asserted' WHEN "verification" IN ('email:strong', 'email:proven') THEN 'mailbox' ELSE 'one_factor' END;--> statement-breakpoint
ALTER TABLE "tickets" ALTER COLUMN "verification_level" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "journal_events" ADD CONSTRAINT "journal_events_verification_level" CHECK ("journal_events"."verification_level" is null or ("journal_events"."verification" is not null and "journal_events"."verification_level" in ('client', 'asserted', 'mailbox', 'one_factor', 'two_factors')));--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_verification_level" CHECK ("messages"."verification_level" in ('client', 'asserted', 'mailbox', 'one_factor', 'two_factors'));--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_level" CHECK (case when "sessions"."kind" = 'client' then "sessions"."level" = 'client'
        when "sessions"."method" = 'panel' then "sessions"."level" in ('asserted', 'one_factor', 'two_factors')
        when "sessions"."method" in ('password+totp', 'passkey') then "sessions"."level" = 'two_factors'
        else "sessions"."level" = 'one_factor' end);--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_verification_level" CHECK ("tickets"."verification_level" in ('client', 'asserted', 'mailbox', 'one_factor', 'two_factors'));