CREATE TABLE "support_codes" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"user_id" uuid NOT NULL,
	"contact_id" uuid,
	"grant_id" uuid,
	"domain_id" uuid,
	"wrong_tries" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"verified_at" timestamp (3) with time zone,
	"verified_by" uuid,
	CONSTRAINT "support_codes_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "support_codes_by_one_right" CHECK (("support_codes"."contact_id" is null) <> ("support_codes"."grant_id" is null)),
	CONSTRAINT "support_codes_verified" CHECK (("support_codes"."verified_at" is null) = ("support_codes"."verified_by" is null))
);
--> statement-breakpoint
ALTER TABLE "contacts" ADD COLUMN "phone" text;--> statement-breakpoint
ALTER TABLE "contacts" ADD COLUMN "phone_stored_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "recorded_by_staff_id" uuid;--> statement-breakpoint
ALTER TABLE "support_codes" ADD CONSTRAINT "support_codes_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support_codes" ADD CONSTRAINT "support_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support_codes" ADD CONSTRAINT "support_codes_verified_by_users_id_fk" FOREIGN KEY ("verified_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support_codes" ADD CONSTRAINT "support_codes_contact" FOREIGN KEY ("account_id","contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support_codes" ADD CONSTRAINT "support_codes_grant" FOREIGN KEY ("account_id","grant_id") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support_codes" ADD CONSTRAINT "support_codes_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "support_codes_waiting" ON "support_codes" USING btree ("account_id","expires_at") WHERE "support_codes"."verified_at" is null;--> statement-breakpoint
CREATE INDEX "support_codes_of_agent" ON "support_codes" USING btree ("verified_by","id") WHERE "support_codes"."verified_by" is not null;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_recorded_by_staff_id_staff_members_id_fk" FOREIGN KEY ("recorded_by_staff_id") REFERENCES "public"."staff_members"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_phone" CHECK (("contacts"."phone" is null) = ("contacts"."phone_stored_at" is null));--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_recorded" CHECK ("tickets"."recorded_by_staff_id" is null or ("tickets"."origin" = 'live' and "tickets"."channel" = 'phone'));