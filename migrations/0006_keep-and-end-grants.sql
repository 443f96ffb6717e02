CREATE TABLE "compromises" (
	"user_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"until" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "compromises_user_id_id_pk" PRIMARY KEY("user_id","id"),
	CONSTRAINT "compromises_period" CHECK ("compromises"."since" <= "compromises"."until")
);
--> statement-breakpoint
CREATE TABLE "grant_notices" (
	"account_id" uuid NOT NULL,
	"grant_id" uuid NOT NULL,
	"days_left" integer NOT NULL,
	"queued_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "grant_notices_account_id_grant_id_days_left_pk" PRIMARY KEY("account_id","grant_id","days_left")
);
--> statement-breakpoint
ALTER TABLE "grants" ADD COLUMN "staff_held" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "grants" ADD COLUMN "granted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "grants" ADD COLUMN "reviewed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "grants" ADD COLUMN "reviewed_by" uuid;--> statement-breakpoint
ALTER TABLE "compromises" ADD CONSTRAINT "compromises_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grant_notices" ADD CONSTRAINT "grant_notices_grant" FOREIGN KEY ("account_id","grant_id") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_reviewed_by_users_id_fk" FOREIGN KEY ("reviewed_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "grants_ending" ON "grants" USING btree ("expires_at") WHERE "grants"."status" in ('active', 'suspended');--> statement-breakpoint
CREATE INDEX "grants_unanswered" ON "grants" USING btree ("created_at") WHERE "grants"."status" in ('requested', 'invited');--> statement-breakpoint
CREATE INDEX "grants_spent" ON "grants" USING btree ("account_id","id") WHERE "grants"."status" in ('active', 'suspended') and "grants"."max_uses" is not null and "grants"."uses" >= "grants"."max_uses";--> statement-breakpoint
CREATE INDEX "journal_events_of_grant" ON "journal_events" USING btree ("account_id","via_id","at" DESC NULLS LAST) WHERE "journal_events"."capacity" = 'grant';--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_staff_held" CHECK (not "grants"."staff_held" or "grants"."ended_at" is not null or 'staff' = any("grants"."suspension_causes"));