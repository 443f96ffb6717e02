CREATE TABLE "domain_claims" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"value" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"actor_user_id" uuid NOT NULL,
	"capacity" text NOT NULL,
	"contact_id" uuid,
	"grant_id" uuid,
	"staff_member_id" uuid,
	"session_id" uuid NOT NULL,
	"client_id" uuid,
	"verification" text NOT NULL,
	"verified_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"checked_at" timestamp (3) with time zone,
	"seen_at" timestamp (3) with time zone,
	"domain_id" uuid,
	"ended_at" timestamp (3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "domain_claims_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "domain_claims_status" CHECK ("domain_claims"."status" in ('pending', 'accepted', 'refused', 'withdrawn', 'lapsed')),
	CONSTRAINT "domain_claims_authorship" CHECK (case "domain_claims"."capacity"
    when 'contact' then "domain_claims"."contact_id" is not null and "domain_claims"."grant_id" is null and "domain_claims"."staff_member_id" is null
    when 'grant' then "domain_claims"."grant_id" is not null and "domain_claims"."contact_id" is null and "domain_claims"."staff_member_id" is null
    when 'staff' then "domain_claims"."staff_member_id" is not null and "domain_claims"."contact_id" is null and "domain_claims"."grant_id" is null
    else false end),
	CONSTRAINT "domain_claims_ended" CHECK (("domain_claims"."status" = 'pending') = ("domain_claims"."ended_at" is null)),
	CONSTRAINT "domain_claims_accepted" CHECK (("domain_claims"."status" = 'accepted') = ("domain_claims"."domain_id" is not null)),
	CONSTRAINT "domain_claims_period" CHECK ("domain_claims"."created_at" < "domain_claims"."expires_at")
);
--> statement-breakpoint
ALTER TABLE "domain_claims" ADD CONSTRAINT "domain_claims_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domain_claims" ADD CONSTRAINT "domain_claims_actor_user_id_users_id_fk" FOREIGN KEY ("actor_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domain_claims" ADD CONSTRAINT "domain_claims_staff_member_id_staff_members_id_fk" FOREIGN KEY ("staff_member_id") REFERENCES "public"."staff_members"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domain_claims" ADD CONSTRAINT "domain_claims_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domain_claims" ADD CONSTRAINT "domain_claims_contact" FOREIGN KEY ("account_id","contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "domain_claims_pending" ON "domain_claims" USING btree ("account_id","name") WHERE "domain_claims"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "domain_claims_newest" ON "domain_claims" USING btree ("account_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "domain_claims_due" ON "domain_claims" USING btree ("checked_at") WHERE "domain_claims"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "domain_claims_waiting" ON "domain_claims" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST) WHERE "domain_claims"."status" = 'pending' and "domain_claims"."seen_at" is not null;