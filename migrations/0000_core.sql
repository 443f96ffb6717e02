CREATE SEQUENCE "public"."account_number" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 10001 CACHE 1;--> statement-breakpoint
CREATE SEQUENCE "public"."ticket_number" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 100001 CACHE 1;--> statement-breakpoint
CREATE TABLE "access_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"name" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"ceiling" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	"last_used_on" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "account_numbers" (
	"number" text PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"number" text NOT NULL,
	"name" text NOT NULL,
	"realm" text,
	"state" text DEFAULT 'new' NOT NULL,
	"state_changed_at" timestamp (3) with time zone NOT NULL,
	"authority_revision" bigint DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "accounts_state" CHECK ("accounts"."state" in ('new', 'open', 'restricted', 'closed'))
);
--> statement-breakpoint
CREATE TABLE "addresses" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"address" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"proven_at" timestamp (3) with time zone,
	"removed_at" timestamp (3) with time zone,
	CONSTRAINT "addresses_removed" CHECK ("addresses"."removed_at" is null or "addresses"."proven_at" is null)
);
--> statement-breakpoint
CREATE TABLE "clients" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"realm" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"scopes" text[] NOT NULL,
	"may_step_up" boolean DEFAULT false NOT NULL,
	"secret_hash" "bytea",
	"former_secret_hash" "bytea",
	"former_secret_ends_at" timestamp (3) with time zone,
	"keys" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"authority_revision" bigint DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"disabled_at" timestamp (3) with time zone,
	CONSTRAINT "clients_status" CHECK ("clients"."status" in ('active', 'disabled')),
	CONSTRAINT "clients_scopes" CHECK ("clients"."scopes" <@ array['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read', 'account.read', 'account.update', 'contact.read', 'contact.manage', 'domain.manage', 'grant.read', 'grant.manage', 'submission.decide', 'support_code.create', 'request_code.manage', 'webhook.manage', 'audit.read', 'self.read', 'staff.provision']::text[])
);
--> statement-breakpoint
CREATE TABLE "contact_domains" (
	"account_id" uuid NOT NULL,
	"contact_id" uuid NOT NULL,
	"domain_id" uuid NOT NULL,
	CONSTRAINT "contact_domains_account_id_contact_id_domain_id_pk" PRIMARY KEY("account_id","contact_id","domain_id")
);
--> statement-breakpoint
CREATE TABLE "contacts" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"user_id" uuid,
	"role" text NOT NULL,
	"limited" boolean DEFAULT false NOT NULL,
	"status" text NOT NULL,
	"invited_address" text NOT NULL,
	"external_id" text,
	"invited_by" uuid,
	"added_by_staff" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"accepted_at" timestamp (3) with time zone,
	"confirmed_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "contacts_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "contacts_role" CHECK ("contacts"."role" in ('owner', 'manager', 'technical', 'billing')),
	CONSTRAINT "contacts_status" CHECK ("contacts"."status" in ('invited', 'active', 'ended')),
	CONSTRAINT "contacts_owner_unlimited" CHECK (not ("contacts"."role" = 'owner' and "contacts"."limited")),
	CONSTRAINT "contacts_active_known" CHECK ("contacts"."status" <> 'active' or ("contacts"."user_id" is not null and "contacts"."accepted_at" is not null)),
	CONSTRAINT "contacts_ended" CHECK (("contacts"."status" = 'ended') = ("contacts"."ended_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "domain_names" (
	"name" text PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"domain_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "domains" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"external_id" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"released_at" timestamp (3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "domains_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "domains_name" CHECK ("domains"."name" = lower("domains"."name") and "domains"."name" not like '%.')
);
--> statement-breakpoint
CREATE TABLE "external_accounts" (
	"realm" text NOT NULL,
	"external_id" text NOT NULL,
	"account_id" uuid NOT NULL,
	CONSTRAINT "external_accounts_realm_external_id_pk" PRIMARY KEY("realm","external_id")
);
--> statement-breakpoint
CREATE TABLE "grant_domains" (
	"account_id" uuid NOT NULL,
	"grant_id" uuid NOT NULL,
	"domain_id" uuid NOT NULL,
	CONSTRAINT "grant_domains_account_id_grant_id_domain_id_pk" PRIMARY KEY("account_id","grant_id","domain_id")
);
--> statement-breakpoint
CREATE TABLE "grants" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"status" text NOT NULL,
	"grantee_user_id" uuid,
	"grantee_address" text NOT NULL,
	"grantor_contact_id" uuid,
	"actions" text[] NOT NULL,
	"topics" text[],
	"reach" text DEFAULT 'own' NOT NULL,
	"max_uses" integer,
	"uses" integer DEFAULT 0 NOT NULL,
	"purpose" text,
	"not_before" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"suspension_causes" text[] DEFAULT '{}'::text[] NOT NULL,
	"supersedes" uuid,
	"lineage" uuid[] DEFAULT '{}'::uuid[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"created_by" uuid NOT NULL,
	"approved_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"ended_by" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "grants_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "grants_status" CHECK ("grants"."status" in ('requested', 'invited', 'active', 'suspended', 'declined', 'cancelled', 'lapsed', 'revoked', 'resigned', 'expired', 'exhausted', 'superseded')),
	CONSTRAINT "grants_reach" CHECK ("grants"."reach" in ('own', 'domain')),
	CONSTRAINT "grants_actions" CHECK (cardinality("grants"."actions") > 0 and "grants"."actions" <@ array['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read']::text[]),
	CONSTRAINT "grants_topics" CHECK ("grants"."topics" is null or (cardinality("grants"."topics") > 0 and not "grants"."topics" && array['billing']::text[])),
	CONSTRAINT "grants_causes" CHECK ("grants"."suspension_causes" <@ array['grantor_lost_authority', 'account', 'staff', 'no_domain']::text[]),
	CONSTRAINT "grants_suspended" CHECK (("grants"."status" = 'suspended') = (cardinality("grants"."suspension_causes") > 0)),
	CONSTRAINT "grants_period" CHECK ("grants"."not_before" < "grants"."expires_at" and "grants"."expires_at" <= coalesce("grants"."approved_at", "grants"."created_at") + interval '365 days'),
	CONSTRAINT "grants_uses" CHECK ("grants"."uses" >= 0 and ("grants"."max_uses" is null or ("grants"."max_uses" > 0 and "grants"."uses" <= "grants"."max_uses"))),
	CONSTRAINT "grants_in_force" CHECK ("grants"."status" not in ('active', 'suspended') or ("grants"."grantee_user_id" is not null and "grants"."grantor_contact_id" is not null and "grants"."approved_at" is not null)),
	CONSTRAINT "grants_ended" CHECK (("grants"."status" in ('requested', 'invited', 'active', 'suspended')) = ("grants"."ended_at" is null))
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"principal_id" uuid NOT NULL,
	"key" text NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"status" integer,
	"headers" jsonb,
	"body" jsonb,
	"made" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_principal_id_key_pk" PRIMARY KEY("principal_id","key")
);
--> statement-breakpoint
CREATE TABLE "journal_events" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"kind" text NOT NULL,
	"audience" text NOT NULL,
	"actor_user_id" uuid,
	"client_id" uuid,
	"capacity" text,
	"via_id" uuid,
	"session_id" uuid,
	"verification" text,
	"action" text,
	"decision" text,
	"reason" text,
	"resource_type" text,
	"resource_id" uuid,
	"domain_id" uuid,
	"request_id" text,
	"changed" text[],
	"value_digest" "bytea",
	CONSTRAINT "journal_events_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "journal_events_audience" CHECK ("journal_events"."audience" in ('account', 'staff'))
);
--> statement-breakpoint
CREATE TABLE "journal_values" (
	"account_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"salt" "bytea" NOT NULL,
	"value" jsonb NOT NULL,
	CONSTRAINT "journal_values_account_id_event_id_pk" PRIMARY KEY("account_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"account_id" uuid NOT NULL,
	"ticket_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"actor_user_id" uuid NOT NULL,
	"capacity" text NOT NULL,
	"contact_id" uuid,
	"grant_id" uuid,
	"staff_member_id" uuid,
	"session_id" uuid NOT NULL,
	"client_id" uuid,
	"verification" text NOT NULL,
	"verified_at" timestamp (3) with time zone NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "messages_account_id_ticket_id_id_pk" PRIMARY KEY("account_id","ticket_id","id"),
	CONSTRAINT "messages_kind" CHECK ("messages"."kind" in ('reply', 'note')),
	CONSTRAINT "messages_authorship" CHECK (case "messages"."capacity"
    when 'contact' then "messages"."contact_id" is not null and "messages"."grant_id" is null and "messages"."staff_member_id" is null
    when 'grant' then "messages"."grant_id" is not null and "messages"."contact_id" is null and "messages"."staff_member_id" is null
    when 'staff' then "messages"."staff_member_id" is not null and "messages"."contact_id" is null and "messages"."grant_id" is null
    else false end),
	CONSTRAINT "messages_note" CHECK ("messages"."kind" <> 'note' or "messages"."capacity" = 'staff')
);
--> statement-breakpoint
CREATE TABLE "passkey_challenges" (
	"id" uuid PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"user_id" uuid,
	"challenge" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "recovery_codes" (
	"user_id" uuid NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone,
	CONSTRAINT "recovery_codes_user_id_code_hash_pk" PRIMARY KEY("user_id","code_hash")
);
--> statement-breakpoint
CREATE TABLE "refresh_tokens" (
	"secret_hash" "bytea" PRIMARY KEY NOT NULL,
	"session_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"rotated_at" timestamp (3) with time zone,
	"sealed_successor" "bytea"
);
--> statement-breakpoint
CREATE TABLE "second_factors" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"sealed_secret" "bytea",
	"last_step" bigint,
	"credential_id" text,
	"public_key" "bytea",
	"sign_count" bigint,
	"transports" text[],
	"created_at" timestamp (3) with time zone NOT NULL,
	"confirmed_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	"removed_at" timestamp (3) with time zone,
	CONSTRAINT "second_factors_kind" CHECK ("second_factors"."kind" in ('totp', 'passkey'))
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"kind" text NOT NULL,
	"client_id" uuid,
	"parent_id" uuid,
	"method" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"authenticated_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "sessions_kind" CHECK ("sessions"."kind" in ('person', 'panel', 'client')),
	CONSTRAINT "sessions_method" CHECK ("sessions"."method" in ('password', 'password+totp', 'passkey', 'panel', 'email:strong', 'email:proven', 'support_code', 'token')),
	CONSTRAINT "sessions_principal" CHECK (("sessions"."user_id" is null) = ("sessions"."kind" = 'client') and ("sessions"."client_id" is null) = ("sessions"."kind" = 'person'))
);
--> statement-breakpoint
CREATE TABLE "signing_keys" (
	"kid" text PRIMARY KEY NOT NULL,
	"algorithm" text NOT NULL,
	"public_key" jsonb NOT NULL,
	"sealed_private_key" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"removed_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "single_use_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"secret_hash" "bytea",
	"address" text,
	"user_id" uuid,
	"name" text,
	"password_hash" text,
	"staff_role" text,
	"account_id" uuid,
	"contact_id" uuid,
	"grant_id" uuid,
	"invited_by" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone,
	CONSTRAINT "single_use_tokens_purpose" CHECK ("single_use_tokens"."purpose" in ('bootstrap', 'address_proof', 'address_addition', 'password_reset', 'contact_invitation', 'grant_invitation', 'staff_invitation'))
);
--> statement-breakpoint
CREATE TABLE "staff_members" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"role" text NOT NULL,
	"given_by" uuid,
	"given_at" timestamp (3) with time zone NOT NULL,
	"ended_by" uuid,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "staff_members_role" CHECK ("staff_members"."role" in ('support', 'admin'))
);
--> statement-breakpoint
CREATE TABLE "subjects" (
	"issuer" text NOT NULL,
	"subject" text NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "subjects_issuer_subject_pk" PRIMARY KEY("issuer","subject")
);
--> statement-breakpoint
CREATE TABLE "throttles" (
	"bucket" text PRIMARY KEY NOT NULL,
	"attempts" integer NOT NULL,
	"window_ends_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tickets" (
	"account_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"number" bigint NOT NULL,
	"domain_id" uuid,
	"host" text,
	"host_held_by_other_account" boolean DEFAULT false NOT NULL,
	"topic" text NOT NULL,
	"topic_version" integer NOT NULL,
	"subject" text NOT NULL,
	"status" text DEFAULT 'new' NOT NULL,
	"priority" text DEFAULT 'normal' NOT NULL,
	"contacts_only" boolean DEFAULT false NOT NULL,
	"origin" text NOT NULL,
	"channel" text NOT NULL,
	"requester_user_id" uuid,
	"requester_text" text,
	"actor_user_id" uuid NOT NULL,
	"capacity" text NOT NULL,
	"contact_id" uuid,
	"grant_id" uuid,
	"staff_member_id" uuid,
	"session_id" uuid NOT NULL,
	"client_id" uuid,
	"verification" text NOT NULL,
	"verified_at" timestamp (3) with time zone NOT NULL,
	"details" jsonb NOT NULL,
	"completeness" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"arrived_at" timestamp (3) with time zone NOT NULL,
	"first_response_at" timestamp (3) with time zone,
	"last_customer_reply_at" timestamp (3) with time zone,
	"resolved_at" timestamp (3) with time zone,
	"closed_at" timestamp (3) with time zone,
	"authority_revision" bigint DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "tickets_account_id_id_pk" PRIMARY KEY("account_id","id"),
	CONSTRAINT "tickets_number" UNIQUE("account_id","number"),
	CONSTRAINT "tickets_authorship" CHECK (case "tickets"."capacity"
    when 'contact' then "tickets"."contact_id" is not null and "tickets"."grant_id" is null and "tickets"."staff_member_id" is null
    when 'grant' then "tickets"."grant_id" is not null and "tickets"."contact_id" is null and "tickets"."staff_member_id" is null
    when 'staff' then "tickets"."staff_member_id" is not null and "tickets"."contact_id" is null and "tickets"."grant_id" is null
    else false end),
	CONSTRAINT "tickets_verification" CHECK ("tickets"."verification" in ('password', 'password+totp', 'passkey', 'panel', 'email:strong', 'email:proven', 'support_code', 'token')),
	CONSTRAINT "tickets_status" CHECK ("tickets"."status" in ('new', 'open', 'waiting_on_customer', 'on_hold', 'resolved', 'closed')),
	CONSTRAINT "tickets_priority" CHECK ("tickets"."priority" in ('low', 'normal', 'high', 'urgent')),
	CONSTRAINT "tickets_channel" CHECK ("tickets"."channel" in ('panel', 'api', 'email', 'phone')),
	CONSTRAINT "tickets_origin" CHECK ("tickets"."origin" in ('live', 'staff', 'import')),
	CONSTRAINT "tickets_origin_of_capacity" CHECK (("tickets"."origin" = 'live') = ("tickets"."capacity" <> 'staff')),
	CONSTRAINT "tickets_requester" CHECK ("tickets"."origin" <> 'live' or "tickets"."requester_user_id" is not null),
	CONSTRAINT "tickets_host" CHECK ("tickets"."host" is null or "tickets"."domain_id" is not null),
	CONSTRAINT "tickets_delegated" CHECK ("tickets"."capacity" <> 'grant' or ("tickets"."domain_id" is not null and not "tickets"."contacts_only"))
);
--> statement-breakpoint
CREATE TABLE "used_assertions" (
	"issuer" text NOT NULL,
	"jti" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "used_assertions_issuer_jti_pk" PRIMARY KEY("issuer","jti")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"password_hash" text,
	"authority_revision" bigint DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"suspended_at" timestamp (3) with time zone,
	"suspended_reason" text,
	CONSTRAINT "users_status" CHECK ("users"."status" in ('active', 'suspended'))
);
--> statement-breakpoint
ALTER TABLE "access_tokens" ADD CONSTRAINT "access_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "access_tokens" ADD CONSTRAINT "access_tokens_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "account_numbers" ADD CONSTRAINT "account_numbers_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "addresses" ADD CONSTRAINT "addresses_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contact_domains" ADD CONSTRAINT "contact_domains_contact" FOREIGN KEY ("account_id","contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contact_domains" ADD CONSTRAINT "contact_domains_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_invited_by_users_id_fk" FOREIGN KEY ("invited_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domain_names" ADD CONSTRAINT "domain_names_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domains" ADD CONSTRAINT "domains_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "external_accounts" ADD CONSTRAINT "external_accounts_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grant_domains" ADD CONSTRAINT "grant_domains_grant" FOREIGN KEY ("account_id","grant_id") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grant_domains" ADD CONSTRAINT "grant_domains_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_grantee_user_id_users_id_fk" FOREIGN KEY ("grantee_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_ended_by_users_id_fk" FOREIGN KEY ("ended_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_grantor" FOREIGN KEY ("account_id","grantor_contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grants" ADD CONSTRAINT "grants_supersedes" FOREIGN KEY ("account_id","supersedes") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "journal_values" ADD CONSTRAINT "journal_values_event" FOREIGN KEY ("account_id","event_id") REFERENCES "public"."journal_events"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_actor_user_id_users_id_fk" FOREIGN KEY ("actor_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_staff_member_id_staff_members_id_fk" FOREIGN KEY ("staff_member_id") REFERENCES "public"."staff_members"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_ticket" FOREIGN KEY ("account_id","ticket_id") REFERENCES "public"."tickets"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_contact" FOREIGN KEY ("account_id","contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_grant" FOREIGN KEY ("account_id","grant_id") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passkey_challenges" ADD CONSTRAINT "passkey_challenges_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "second_factors" ADD CONSTRAINT "second_factors_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_parent_id_sessions_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."sessions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "single_use_tokens" ADD CONSTRAINT "single_use_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "single_use_tokens" ADD CONSTRAINT "single_use_tokens_invited_by_users_id_fk" FOREIGN KEY ("invited_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff_members" ADD CONSTRAINT "staff_members_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff_members" ADD CONSTRAINT "staff_members_given_by_users_id_fk" FOREIGN KEY ("given_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff_members" ADD CONSTRAINT "staff_members_ended_by_users_id_fk" FOREIGN KEY ("ended_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subjects" ADD CONSTRAINT "subjects_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_requester_user_id_users_id_fk" FOREIGN KEY ("requester_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_actor_user_id_users_id_fk" FOREIGN KEY ("actor_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_staff_member_id_staff_members_id_fk" FOREIGN KEY ("staff_member_id") REFERENCES "public"."staff_members"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_domain" FOREIGN KEY ("account_id","domain_id") REFERENCES "public"."domains"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_contact" FOREIGN KEY ("account_id","contact_id") REFERENCES "public"."contacts"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_grant" FOREIGN KEY ("account_id","grant_id") REFERENCES "public"."grants"("account_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "access_tokens_secret" ON "access_tokens" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "access_tokens_of_user" ON "access_tokens" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "accounts_newest" ON "accounts" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE UNIQUE INDEX "addresses_proven" ON "addresses" USING btree ("address") WHERE "addresses"."proven_at" is not null;--> statement-breakpoint
CREATE INDEX "addresses_of_user" ON "addresses" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "clients_name" ON "clients" USING btree ("name");--> statement-breakpoint
CREATE UNIQUE INDEX "contacts_external" ON "contacts" USING btree ("account_id","external_id") WHERE "contacts"."external_id" is not null and "contacts"."status" <> 'ended';--> statement-breakpoint
CREATE UNIQUE INDEX "contacts_active" ON "contacts" USING btree ("account_id","user_id","role") WHERE "contacts"."status" = 'active';--> statement-breakpoint
CREATE INDEX "contacts_of_user" ON "contacts" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "domains_external" ON "domains" USING btree ("account_id","external_id") WHERE "domains"."external_id" is not null and "domains"."released_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "domains_held" ON "domains" USING btree ("account_id","name") WHERE "domains"."released_at" is null;--> statement-breakpoint
CREATE INDEX "domains_by_id" ON "domains" USING btree ("id");--> statement-breakpoint
CREATE UNIQUE INDEX "external_accounts_account" ON "external_accounts" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "grants_of_grantee" ON "grants" USING btree ("grantee_user_id");--> statement-breakpoint
CREATE INDEX "grants_of_account" ON "grants" USING btree ("account_id","created_at","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_expiry" ON "idempotency_keys" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "journal_events_newest" ON "journal_events" USING btree ("account_id","at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "journal_events_newest_of_all" ON "journal_events" USING btree ("at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "refresh_tokens_of_session" ON "refresh_tokens" USING btree ("session_id");--> statement-breakpoint
CREATE UNIQUE INDEX "second_factors_credential" ON "second_factors" USING btree ("credential_id") WHERE "second_factors"."removed_at" is null;--> statement-breakpoint
CREATE INDEX "second_factors_of_user" ON "second_factors" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_of_user" ON "sessions" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "sessions_of_parent" ON "sessions" USING btree ("parent_id") WHERE "sessions"."parent_id" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "single_use_tokens_secret" ON "single_use_tokens" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "single_use_tokens_address" ON "single_use_tokens" USING btree ("address");--> statement-breakpoint
CREATE INDEX "single_use_tokens_user" ON "single_use_tokens" USING btree ("user_id") WHERE "single_use_tokens"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "single_use_tokens_contact" ON "single_use_tokens" USING btree ("account_id","contact_id");--> statement-breakpoint
CREATE INDEX "single_use_tokens_grant" ON "single_use_tokens" USING btree ("account_id","grant_id");--> statement-breakpoint
CREATE UNIQUE INDEX "staff_members_active" ON "staff_members" USING btree ("user_id") WHERE "staff_members"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "subjects_of_user" ON "subjects" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "throttles_expiry" ON "throttles" USING btree ("window_ends_at");--> statement-breakpoint
CREATE INDEX "tickets_by_id" ON "tickets" USING btree ("id");--> statement-breakpoint
CREATE INDEX "tickets_newest" ON "tickets" USING btree ("account_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "tickets_newest_of_all" ON "tickets" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "tickets_of_grant" ON "tickets" USING btree ("account_id","grant_id") WHERE "tickets"."grant_id" is not null;--> statement-breakpoint
CREATE INDEX "used_assertions_expiry" ON "used_assertions" USING btree ("expires_at");