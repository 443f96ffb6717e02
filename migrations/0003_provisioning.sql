CREATE TABLE "external_accounts" (
	"realm" text NOT NULL,
	"external_id" text NOT NULL,
	"account_id" uuid NOT NULL,
	CONSTRAINT "external_accounts_realm_external_id_pk" PRIMARY KEY("realm","external_id")
);
--> statement-breakpoint
ALTER TABLE "contacts" ADD COLUMN "external_id" text;--> statement-breakpoint
ALTER TABLE "domains" ADD COLUMN "external_id" text;--> statement-breakpoint
ALTER TABLE "external_accounts" ADD CONSTRAINT "external_accounts_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "external_accounts_account" ON "external_accounts" USING btree ("account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "contacts_external" ON "contacts" USING btree ("account_id","external_id") WHERE "contacts"."external_id" is not null and "contacts"."status" <> 'ended';--> statement-breakpoint
CREATE UNIQUE INDEX "domains_external" ON "domains" USING btree ("account_id","external_id") WHERE "domains"."external_id" is not null and "domains"."released_at" is null;