-- Those there are hold for all of their account, as they did.
ALTER TABLE "submission_mutes" ADD COLUMN "id" uuid NOT NULL DEFAULT gen_random_uuid();--> statement-breakpoint
ALTER TABLE "submission_mutes" ALTER COLUMN "id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "submission_mutes" DROP CONSTRAINT "submission_mutes_account_id_submitter_user_id_pk";--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD CONSTRAINT "submission_mutes_account_id_id_pk" PRIMARY KEY("account_id","id");--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD COLUMN "domain_id" uuid;--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD COLUMN "lifted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD CONSTRAINT "submission_mutes_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "submission_mutes_of_all" ON "submission_mutes" USING btree ("account_id","submitter_user_id") WHERE "submission_mutes"."domain_id" is null and "submission_mutes"."lifted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "submission_mutes_of_domain" ON "submission_mutes" USING btree ("account_id","submitter_user_id","domain_id") WHERE "submission_mutes"."domain_id" is not null and "submission_mutes"."lifted_at" is null;--> statement-breakpoint
CREATE INDEX "submission_mutes_newest" ON "submission_mutes" USING btree ("account_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);
