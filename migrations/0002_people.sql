ALTER TABLE "single_use_tokens" DROP CONSTRAINT "single_use_tokens_purpose";--> statement-breakpoint
ALTER TABLE "addresses" ADD COLUMN "removed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "single_use_tokens" ADD COLUMN "user_id" uuid;--> statement-breakpoint
ALTER TABLE "single_use_tokens" ADD CONSTRAINT "single_use_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "single_use_tokens_user" ON "single_use_tokens" USING btree ("user_id") WHERE "single_use_tokens"."user_id" is not null;--> statement-breakpoint
ALTER TABLE "addresses" ADD CONSTRAINT "addresses_removed" CHECK ("addresses"."removed_at" is null or "addresses"."proven_at" is null);--> statement-breakpoint
ALTER TABLE "single_use_tokens" ADD CONSTRAINT "single_use_tokens_purpose" CHECK ("single_use_tokens"."purpose" in ('bootstrap', 'address_proof', 'address_addition', 'password_reset', 'contact_invitation', 'grant_invitation', 'staff_invitation'));