CREATE TABLE "submission_digests" (
	"account_id" uuid PRIMARY KEY NOT NULL,
	"sent_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "submission_mutes" (
	"account_id" uuid NOT NULL,
	"submitter_user_id" uuid NOT NULL,
	"contact_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "submission_mutes_account_id_submitter_user_id_pk" PRIMARY KEY("account_id","submitter_user_id")
);
--> statement-breakpoint
CREATE TABLE "submissions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"submitter_user_id" uuid NOT NULL,
	"stated_account" text NOT NULL,
	"stated_domain" text NOT NULL,
	"topic" text NOT NULL,
	"channel" text NOT NULL,
	"content" jsonb,
	"content_digest" "bytea" NOT NULL,
	"session_id" uuid NOT NULL,
	"client_id" uuid,
	"verification" text NOT NULL,
	"verification_level" text NOT NULL,
	"verified_at" timestamp (3) with time zone NOT NULL,
	"arrived_at" timestamp (3) with time zone NOT NULL,
	"ends_at" timestamp (3) with time zone NOT NULL,
	"announced_at" timestamp (3) with time zone,
	"verdict" text,
	"decided_at" timestamp (3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "submissions_topic" CHECK ("submissions"."topic" in ('email-delivery', 'website', 'other')),
	CONSTRAINT "submissions_channel" CHECK ("submissions"."channel" in ('panel', 'api', 'email', 'phone')),
	CONSTRAINT "submissions_verification" CHECK ("submissions"."verification" in ('password', 'password+totp', 'passkey', 'panel', 'email:strong', 'email:proven', 'support_code', 'token')),
	CONSTRAINT "submissions_verification_level" CHECK ("submissions"."verification_level" in ('client', 'asserted', 'mailbox', 'one_factor', 'two_factors')),
	CONSTRAINT "submissions_end" CHECK ("submissions"."ends_at" = "submissions"."arrived_at" + interval '336 hours'),
	CONSTRAINT "submissions_verdict" CHECK ("submissions"."verdict" is null or "submissions"."verdict" in ('approved', 'released', 'declined', 'unanswered', 'account_closed')),
	CONSTRAINT "submissions_decided" CHECK (("submissions"."verdict" is null) = ("submissions"."decided_at" is null)),
	CONSTRAINT "submissions_content" CHECK ("submissions"."content" is not null or "submissions"."verdict" is not null)
);
--> statement-breakpoint
ALTER TABLE "submission_digests" ADD CONSTRAINT "submission_digests_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD CONSTRAINT "submission_mutes_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD CONSTRAINT "submission_mutes_submitter_user_id_users_id_fk" FOREIGN KEY ("submitter_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "submission_mutes" ADD CONSTRAINT "submission_mutes_contact" FOREIGN KEY ("account_id","contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "submissions" ADD CONSTRAINT "submissions_submitter_user_id_users_id_fk" FOREIGN KEY ("submitter_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "submissions_of_submitter" ON "submissions" USING btree ("submitter_user_id","arrived_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "submissions_stated" ON "submissions" USING btree ("stated_account","arrived_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "submissions_ending" ON "submissions" USING btree ("ends_at") WHERE "submissions"."content" is not null;--> statement-breakpoint
CREATE INDEX "submissions_unannounced" ON "submissions" USING btree ("stated_account") WHERE "submissions"."announced_at" is null and "submissions"."verdict" is null;