ALTER TABLE "grant_requests" ADD COLUMN "session_id" uuid;--> statement-breakpoint
ALTER TABLE "grant_requests" ADD COLUMN "client_id" uuid;--> statement-breakpoint
ALTER TABLE "grant_requests" ADD COLUMN "verification" text;--> statement-breakpoint
ALTER TABLE "grant_requests" ADD COLUMN "verification_level" text;--> statement-breakpoint
ALTER TABLE "grant_requests" ADD COLUMN "verified_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "grant_requests" ADD CONSTRAINT "grant_requests_verification" CHECK ("grant_requests"."verification" in ('password', 'password+totp', 'passkey', 'panel', 'email:strong', 'email:proven', 'support_code', 'token'));--> statement-breakpoint
ALTER TABLE "grant_requests" ADD CONSTRAINT "grant_requests_verification_level" CHECK ("grant_requests"."verification_level" in ('client', 'asserted', 'mailbox', 'one_factor', 'two_factors'));--> statement-breakpoint
ALTER TABLE "grant_requests" ADD CONSTRAINT "grant_requests_verified" CHECK (num_nulls("grant_requests"."session_id", "grant_requests"."verification", "grant_requests"."verification_level", "grant_requests"."verified_at") in (0, 4));