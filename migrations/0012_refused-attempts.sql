CREATE TABLE "refused_attempts" (
	"account_id" uuid NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"principal_id" uuid NOT NULL,
	"stated" "bytea" NOT NULL,
	"attempts" integer NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL,
	"told_at" timestamp (3) with time zone,
	CONSTRAINT "refused_attempts_account_id_hour_principal_id_stated_pk" PRIMARY KEY("account_id","hour","principal_id","stated")
);
--> statement-breakpoint
CREATE INDEX "refused_attempts_untold" ON "refused_attempts" USING btree ("account_id") WHERE "refused_attempts"."told_at" is null;--> statement-breakpoint
CREATE INDEX "refused_attempts_old" ON "refused_attempts" USING btree ("hour");