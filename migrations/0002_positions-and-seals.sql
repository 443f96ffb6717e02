CREATE TABLE "journal_positions" (
	"account_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "journal_positions_account_id_event_id_pk" PRIMARY KEY("account_id","event_id"),
	CONSTRAINT "journal_positions_begin" CHECK ("journal_positions"."position" > 0)
);
--> statement-breakpoint
CREATE TABLE "journal_seals" (
	"number" bigint PRIMARY KEY NOT NULL,
	"first_position" bigint NOT NULL,
	"last_position" bigint NOT NULL,
	"root" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL,
	"sealed_at" timestamp (3) with time zone NOT NULL,
	"cluster" text NOT NULL,
	"numbered_below" "xid8",
	CONSTRAINT "journal_seals_order" CHECK ("journal_seals"."number" > 0 and "journal_seals"."first_position" > 0 and "journal_seals"."last_position" >= "journal_seals"."first_position")
);
--> statement-breakpoint
ALTER TABLE "journal_events" ADD COLUMN "transaction_id" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "journal_positions" ADD CONSTRAINT "journal_positions_event" FOREIGN KEY ("account_id","event_id") REFERENCES "public"."journal_events"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "journal_positions_position" ON "journal_positions" USING btree ("position");--> statement-breakpoint
CREATE INDEX "journal_positions_of_account" ON "journal_positions" USING btree ("account_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "journal_seals_first_position" ON "journal_seals" USING btree ("first_position");--> statement-breakpoint
CREATE INDEX "journal_events_transaction" ON "journal_events" USING btree ("transaction_id","id");