CREATE TABLE "grant_requests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"account" text NOT NULL,
	"code_hash" "bytea",
	"domain_names" text[] NOT NULL,
	"actions" text[] NOT NULL,
	"topics" text[],
	"reach" text NOT NULL,
	"max_uses" integer,
	"purpose" text,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"supersedes" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	"settled_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone,
	"approved_at" timestamp (3) with time zone,
	"account_id" uuid,
	"grant_id" uuid,
	CONSTRAINT "grant_requests_reach" CHECK ("grant_requests"."reach" in ('own', 'domain')),
	CONSTRAINT "grant_requests_answer" CHECK ("grant_requests"."approved_at" is null or ("grant_requests"."cancelled_at" is null and "grant_requests"."grant_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "request_codes" (
	"account_id" uuid PRIMARY KEY NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"created_by" uuid NOT NULL
);
--> statement-breakpoint
ALTER TABLE "grant_requests" ADD CONSTRAINT "grant_requests_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grant_requests" ADD CONSTRAINT "grant_requests_grant" FOREIGN KEY ("account_id","grant_id") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "request_codes" ADD CONSTRAINT "request_codes_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "request_codes" ADD CONSTRAINT "request_codes_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "grant_requests_of_user" ON "grant_requests" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "grant_requests_of_grant" ON "grant_requests" USING btree ("account_id","grant_id");