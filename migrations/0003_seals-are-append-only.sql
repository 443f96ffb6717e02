-- What drizzle-kit cannot say: positions and seals are append-only, like the events they are about.
CREATE TRIGGER "journal_positions_append_only" BEFORE UPDATE OR DELETE ON "journal_positions"
	FOR EACH ROW EXECUTE FUNCTION "refuse_rewriting"();
--> statement-breakpoint
CREATE TRIGGER "journal_positions_never_truncated" BEFORE TRUNCATE ON "journal_positions"
	FOR EACH STATEMENT EXECUTE FUNCTION "refuse_rewriting"();
--> statement-breakpoint
CREATE TRIGGER "journal_seals_append_only" BEFORE UPDATE OR DELETE ON "journal_seals"
	FOR EACH ROW EXECUTE FUNCTION "refuse_rewriting"();
--> statement-breakpoint
CREATE TRIGGER "journal_seals_never_truncated" BEFORE TRUNCATE ON "journal_seals"
	FOR EACH STATEMENT EXECUTE FUNCTION "refuse_rewriting"();
