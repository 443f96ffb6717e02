DROP INDEX "grants_of_grantee";--> statement-breakpoint
CREATE INDEX "grants_of_grantee" ON "grants" USING btree ("grantee_user_id","account_id");