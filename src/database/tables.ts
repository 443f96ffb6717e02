/**
 * What is stored. Migrations are generated from this file (`npm run migration`), and a check fails when they differ.
 *
 * Shape: every table of a customer's rows carries `account_id`, and its keys begin with it, so that the tables of one account can
 * live together on one node. Exempt are people (`users` and what hangs on them), small directory tables that make something unique
 * for the whole provider, and the service's own (keys, throttles, stored answers).
 */
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import {
  accountStates,
  audiences,
  capacities,
  channels,
  claimStatuses,
  clientScopes,
  clientStatuses,
  contactRoles,
  contactStatuses,
  delegableActions,
  factorKinds,
  grantStatuses,
  messageKinds,
  priorities,
  reaches,
  sessionKinds,
  staffRoles,
  submissionVerdicts,
  suspensionCauses,
  ticketOrigins,
  ticketStatuses,
  tokenPurposes,
  topicKeys,
  topics,
  userStatuses,
  verificationLevels,
  verificationMethods,
} from '../vocabulary.ts'
import { allOf, bytes, id, instant, noneOf, oneOf, transactionId } from './columns.ts'

/** Never a grantee's, whatever writes the grant. */
const confidentialTopics = topicKeys.filter((key) => topics[key].confidential)
const openTopics = topicKeys.filter((key) => !topics[key].confidential)
const revision = () => bigint({ mode: 'number' }).notNull().default(0)
const version = () => integer().notNull().default(1)

// ---- people

export const users = pgTable(
  'users',
  {
    id: id().primaryKey(),
    name: text().notNull(),
    status: text({ enum: userStatuses }).notNull().default('active'),
    passwordHash: text(),
    /** Raised by every change of a session, token, address, staff role or the status: what a guarded write compares. */
    authorityRevision: revision(),
    version: version(),
    createdAt: instant().notNull(),
    suspendedAt: instant(),
    suspendedReason: text(),
  },
  (t) => [check('users_status', oneOf(t.status, userStatuses))],
)

/** The directory of mail addresses: a proven one belongs to exactly one user; an unproven one identifies nobody. */
export const addresses = pgTable(
  'addresses',
  {
    id: id().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    address: text().notNull(),
    createdAt: instant().notNull(),
    provenAt: instant(),
    /** Taken away: it identifies nobody, is shown nowhere, and stays only so that its mailbox can be told. */
    removedAt: instant(),
  },
  (t) => [
    uniqueIndex('addresses_proven').on(t.address).where(sql`${t.provenAt} is not null`),
    index('addresses_of_user').on(t.userId),
    check('addresses_removed', sql`${t.removedAt} is null or ${t.provenAt} is null`),
  ],
)

export const staffMembers = pgTable(
  'staff_members',
  {
    id: id().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    role: text({ enum: staffRoles }).notNull(),
    givenBy: uuid().references(() => users.id),
    givenAt: instant().notNull(),
    endedBy: uuid().references(() => users.id),
    endedAt: instant(),
  },
  (t) => [
    check('staff_members_role', oneOf(t.role, staffRoles)),
    uniqueIndex('staff_members_active').on(t.userId).where(sql`${t.endedAt} is null`),
  ],
)

export const sessions = pgTable(
  'sessions',
  {
    id: id().primaryKey(),
    /** Null only for a client's own. */
    userId: uuid().references(() => users.id),
    kind: text({ enum: sessionKinds }).notNull(),
    /** The service it came through (panel) or that it belongs to (client). */
    clientId: uuid().references((): AnyPgColumn => clients.id),
    /** A narrowed token's session hangs on the one it was cut from and ends with it (trigger `sessions_end_together`). */
    parentId: uuid().references((): AnyPgColumn => sessions.id),
    method: text({ enum: verificationMethods }).notNull(),
    /** How much that is worth. */
    level: text({ enum: verificationLevels }).notNull(),
    createdAt: instant().notNull(),
    authenticatedAt: instant().notNull(),
    expiresAt: instant().notNull(),
    endedAt: instant(),
  },
  (t) => [
    check('sessions_kind', oneOf(t.kind, sessionKinds)),
    check('sessions_method', oneOf(t.method, verificationMethods)),
    // No session is worth more than its method; only what a panel says of its user differs from case to case.
    check(
      'sessions_level',
      sql`case when ${t.kind} = 'client' then ${t.level} = 'client'
        when ${t.method} = 'panel' then ${t.level} in ('asserted', 'one_factor', 'two_factors')
        when ${t.method} in ('password+totp', 'passkey') then ${t.level} = 'two_factors'
        else ${t.level} = 'one_factor' end`,
    ),
    check('sessions_principal', sql`(${t.userId} is null) = (${t.kind} = 'client') and (${t.clientId} is null) = (${t.kind} = 'person')`),
    index('sessions_of_user').on(t.userId, t.id),
    index('sessions_of_parent').on(t.parentId).where(sql`${t.parentId} is not null`),
  ],
)

/** Mailed secrets: stored as a hash, used once, with an end. The secret itself is made when the mail leaves (`outbox/`). */
export const singleUseTokens = pgTable(
  'single_use_tokens',
  {
    id: id().primaryKey(),
    purpose: text({ enum: tokenPurposes }).notNull(),
    secretHash: bytes(),
    address: text(),
    /** Whose it is: who asked to prove another address; whose password is reset, once the letter has found him. */
    userId: uuid().references(() => users.id),
    /** For a sign-up: what the person chose; becomes the user when the address is proven. */
    name: text(),
    passwordHash: text(),
    staffRole: text({ enum: staffRoles }),
    accountId: uuid(),
    contactId: uuid(),
    grantId: uuid(),
    invitedBy: uuid().references(() => users.id),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
    usedAt: instant(),
  },
  (t) => [
    check('single_use_tokens_purpose', oneOf(t.purpose, tokenPurposes)),
    uniqueIndex('single_use_tokens_secret').on(t.secretHash),
    index('single_use_tokens_address').on(t.address),
    index('single_use_tokens_user').on(t.userId).where(sql`${t.userId} is not null`),
    index('single_use_tokens_contact').on(t.accountId, t.contactId),
    index('single_use_tokens_grant').on(t.accountId, t.grantId),
  ],
)

/**
 * While somebody else had a user in his hands: what he granted in this time is not live until an owner of the account adopts it. `until`
 * is when he was suspended for it.
 */
export const compromises = pgTable(
  'compromises',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id),
    id: id().notNull(),
    since: instant().notNull(),
    until: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.id] }), check('compromises_period', sql`${t.since} <= ${t.until}`)],
)

// ---- accounts and who may speak for them

export const accounts = pgTable(
  'accounts',
  {
    id: id().primaryKey(),
    number: text().notNull(),
    name: text().notNull(),
    /** The realm of the client that provisioned it; only that realm's clients write it. */
    realm: text(),
    state: text({ enum: accountStates }).notNull().default('new'),
    stateChangedAt: instant().notNull(),
    /** Of a closed one: until when its owners keep what closing leaves them. */
    accessUntil: instant(),
    /** Raised by every change of a contact, grant, domain or the state: what a guarded write compares. */
    authorityRevision: revision(),
    version: version(),
    createdAt: instant().notNull(),
  },
  (t) => [check('accounts_state', oneOf(t.state, accountStates)), index('accounts_newest').on(t.createdAt.desc(), t.id.desc())],
)

/** Directory: an account's human number is unique for the provider. */
export const accountNumbers = pgTable('account_numbers', {
  number: text().primaryKey(),
  accountId: uuid()
    .notNull()
    .references(() => accounts.id),
})

/** Directory: an account by what the realm that provisioned it calls it. */
export const externalAccounts = pgTable(
  'external_accounts',
  {
    realm: text().notNull(),
    externalId: text().notNull(),
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
  },
  (t) => [primaryKey({ columns: [t.realm, t.externalId] }), uniqueIndex('external_accounts_account').on(t.accountId)],
)

/** A domain row never changes account: it ends (`releasedAt`), and another account gets a new row with a new id. */
export const domains = pgTable(
  'domains',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    name: text().notNull(),
    /** What the realm that provisioned the account calls it; null for one that staff put in. */
    externalId: text(),
    createdAt: instant().notNull(),
    releasedAt: instant(),
    version: version(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    uniqueIndex('domains_external').on(t.accountId, t.externalId).where(sql`${t.externalId} is not null and ${t.releasedAt} is null`),
    uniqueIndex('domains_held').on(t.accountId, t.name).where(sql`${t.releasedAt} is null`),
    index('domains_by_id').on(t.id),
    check('domains_name', sql`${t.name} = lower(${t.name}) and ${t.name} not like '%.'`),
  ],
)

/** Directory: a name is held by at most one account at a time; the row is there exactly while the domain is. */
export const domainNames = pgTable(
  'domain_names',
  {
    name: text().primaryKey(),
    accountId: uuid().notNull(),
    domainId: uuid().notNull(),
  },
  (t) => [foreignKey({ name: 'domain_names_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] })],
)

export const contacts = pgTable(
  'contacts',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    userId: uuid().references(() => users.id),
    role: text({ enum: contactRoles }).notNull(),
    /** Limited to the rows of `contact_domains`; a limit without any is no domain at all, never "unlimited". */
    limited: boolean().notNull().default(false),
    status: text({ enum: contactStatuses }).notNull(),
    /** Of one that a client provisioned: where notices go, which proves nothing; empty for none. */
    invitedAddress: text().notNull(),
    /** What the realm that provisioned the account calls it; null for one that was invited. */
    externalId: text(),
    /** Null when a client provisioned it. */
    invitedBy: uuid().references(() => users.id),
    addedByStaff: boolean().notNull().default(false),
    /** Where support may call back, and since when it stands there. */
    phone: text(),
    phoneStoredAt: instant(),
    createdAt: instant().notNull(),
    acceptedAt: instant(),
    /** An owner's yes to one added by staff; until then it holds no power over grants, contacts and submissions. */
    confirmedAt: instant(),
    endedAt: instant(),
    version: version(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    uniqueIndex('contacts_external').on(t.accountId, t.externalId).where(sql`${t.externalId} is not null and ${t.status} <> 'ended'`),
    uniqueIndex('contacts_active').on(t.accountId, t.userId, t.role).where(sql`${t.status} = 'active'`),
    index('contacts_of_user').on(t.userId),
    check('contacts_phone', sql`(${t.phone} is null) = (${t.phoneStoredAt} is null)`),
    check('contacts_role', oneOf(t.role, contactRoles)),
    check('contacts_status', oneOf(t.status, contactStatuses)),
    check('contacts_owner_unlimited', sql`not (${t.role} = 'owner' and ${t.limited})`),
    check('contacts_active_known', sql`${t.status} <> 'active' or (${t.userId} is not null and ${t.acceptedAt} is not null)`),
    check('contacts_ended', sql`(${t.status} = 'ended') = (${t.endedAt} is not null)`),
  ],
)

export const contactDomains = pgTable(
  'contact_domains',
  { accountId: uuid().notNull(), contactId: uuid().notNull(), domainId: uuid().notNull() },
  (t) => [
    primaryKey({ columns: [t.accountId, t.contactId, t.domainId] }),
    foreignKey({ name: 'contact_domains_contact', columns: [t.accountId, t.contactId], foreignColumns: [contacts.accountId, contacts.id] }),
    foreignKey({ name: 'contact_domains_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] }),
  ],
)

export const grants = pgTable(
  'grants',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    status: text({ enum: grantStatuses }).notNull(),
    granteeUserId: uuid().references(() => users.id),
    granteeAddress: text().notNull(),
    /** The contact who stands for the grant: it is never worth more than this contact is now. */
    grantorContactId: uuid(),
    actions: text().array().notNull(),
    /** Null: all topics that are not confidential. */
    topics: text().array(),
    reach: text({ enum: reaches }).notNull().default('own'),
    maxUses: integer(),
    uses: integer().notNull().default(0),
    purpose: text(),
    notBefore: instant().notNull(),
    expiresAt: instant().notNull(),
    suspensionCauses: text().array().notNull().default(sql`'{}'::text[]`),
    /** Staff suspended this very grant: not only because its grantor was compromised, so no adoption lifts it. */
    staffHeld: boolean().notNull().default(false),
    supersedes: uuid(),
    /** Every grant this one supersedes, directly or through a chain: their tickets stay in its reach. */
    lineage: uuid().array().notNull().default(sql`'{}'::uuid[]`),
    createdAt: instant().notNull(),
    createdBy: uuid()
      .notNull()
      .references(() => users.id),
    approvedAt: instant(),
    /** When its grantor offered or adopted it, or let it go on himself; null: when it was approved. */
    grantedAt: instant(),
    /** When a contact last looked at it and let it be. */
    reviewedAt: instant(),
    reviewedBy: uuid().references(() => users.id),
    endedAt: instant(),
    endedBy: uuid().references(() => users.id),
    version: version(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    foreignKey({ name: 'grants_grantor', columns: [t.accountId, t.grantorContactId], foreignColumns: [contacts.accountId, contacts.id] }),
    foreignKey({ name: 'grants_supersedes', columns: [t.accountId, t.supersedes], foreignColumns: [t.accountId, t.id] }),
    index('grants_of_grantee').on(t.granteeUserId, t.accountId),
    index('grants_of_account').on(t.accountId, t.createdAt, t.id),
    // What time is about to end, for the sweep of every minute: few rows of many.
    index('grants_ending').on(t.expiresAt).where(sql`${t.status} in ('active', 'suspended')`),
    index('grants_unanswered').on(t.createdAt).where(sql`${t.status} in ('requested', 'invited')`),
    index('grants_spent')
      .on(t.accountId, t.id)
      .where(sql`${t.status} in ('active', 'suspended') and ${t.maxUses} is not null and ${t.uses} >= ${t.maxUses}`),
    check('grants_status', oneOf(t.status, grantStatuses)),
    check('grants_reach', oneOf(t.reach, reaches)),
    check('grants_actions', sql`cardinality(${t.actions}) > 0 and ${allOf(t.actions, delegableActions)}`),
    check('grants_topics', sql`${t.topics} is null or (cardinality(${t.topics}) > 0 and ${noneOf(t.topics, confidentialTopics)})`),
    check('grants_causes', allOf(t.suspensionCauses, suspensionCauses)),
    check('grants_staff_held', sql`not ${t.staffHeld} or ${t.endedAt} is not null or 'staff' = any(${t.suspensionCauses})`),
    check('grants_suspended', sql`(${t.status} = 'suspended') = (cardinality(${t.suspensionCauses}) > 0)`),
    check(
      'grants_period',
      sql`${t.notBefore} < ${t.expiresAt} and ${t.expiresAt} <= coalesce(${t.approvedAt}, ${t.createdAt}) + interval '365 days'`,
    ),
    check('grants_uses', sql`${t.uses} >= 0 and (${t.maxUses} is null or (${t.maxUses} > 0 and ${t.uses} <= ${t.maxUses}))`),
    check(
      'grants_in_force',
      sql`${t.status} not in ('active', 'suspended') or (${t.granteeUserId} is not null and ${t.grantorContactId} is not null and ${t.approvedAt} is not null)`,
    ),
    check('grants_ended', sql`(${t.status} in ('requested', 'invited', 'active', 'suspended')) = (${t.endedAt} is null)`),
  ],
)

export const grantDomains = pgTable(
  'grant_domains',
  { accountId: uuid().notNull(), grantId: uuid().notNull(), domainId: uuid().notNull() },
  (t) => [
    primaryKey({ columns: [t.accountId, t.grantId, t.domainId] }),
    foreignKey({ name: 'grant_domains_grant', columns: [t.accountId, t.grantId], foreignColumns: [grants.accountId, grants.id] }),
    foreignKey({ name: 'grant_domains_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] }),
  ],
)

/** Which notices before its end a grant has had, by the days that were left: the key makes each of them once. */
export const grantNotices = pgTable(
  'grant_notices',
  { accountId: uuid().notNull(), grantId: uuid().notNull(), daysLeft: integer().notNull(), queuedAt: instant().notNull() },
  (t) => [
    primaryKey({ columns: [t.accountId, t.grantId, t.daysLeft] }),
    foreignKey({ name: 'grant_notices_grant', columns: [t.accountId, t.grantId], foreignColumns: [grants.accountId, grants.id] }),
  ],
)

// ---- what is held

/**
 * What somebody without authority sent. It belongs to him: account and domain are what he stated, as text, and nothing is looked up when
 * it arrives, so that a name that exists and one that does not are the same row. Which account it is for is found by that account
 * (`authority/stated.ts`).
 */
export const submissions = pgTable(
  'submissions',
  {
    id: id().primaryKey(),
    submitterUserId: uuid()
      .notNull()
      .references(() => users.id),
    statedAccount: text().notNull(),
    statedDomain: text().notNull(),
    topic: text().notNull(),
    channel: text({ enum: channels }).notNull(),
    /** Null once it has ended: then only the digest says what it was. */
    content: jsonb().$type<Record<string, unknown>>(),
    contentDigest: bytes().notNull(),
    sessionId: uuid().notNull(),
    clientId: uuid(),
    verification: text({ enum: verificationMethods }).notNull(),
    verificationLevel: text({ enum: verificationLevels }).notNull(),
    verifiedAt: instant().notNull(),
    arrivedAt: instant().notNull(),
    endsAt: instant().notNull(),
    /** When the contacts of the account were told that something waits; null until then, and for ever where there is no such account. */
    announcedAt: instant(),
    verdict: text({ enum: submissionVerdicts }),
    decidedAt: instant(),
    version: version(),
  },
  (t) => [
    index('submissions_of_submitter').on(t.submitterUserId, t.arrivedAt.desc(), t.id.desc()),
    index('submissions_stated').on(t.statedAccount, t.arrivedAt.desc(), t.id.desc()),
    index('submissions_ending').on(t.endsAt).where(sql`${t.content} is not null`),
    index('submissions_unannounced').on(t.statedAccount).where(sql`${t.announcedAt} is null and ${t.verdict} is null`),
    check('submissions_topic', oneOf(t.topic, openTopics)),
    check('submissions_channel', oneOf(t.channel, channels)),
    check('submissions_verification', oneOf(t.verification, verificationMethods)),
    check('submissions_verification_level', oneOf(t.verificationLevel, verificationLevels)),
    check('submissions_end', sql`${t.endsAt} = ${t.arrivedAt} + interval '336 hours'`),
    check('submissions_verdict', sql`${t.verdict} is null or ${oneOf(t.verdict, submissionVerdicts)}`),
    check('submissions_decided', sql`(${t.verdict} is null) = (${t.decidedAt} is null)`),
    check('submissions_content', sql`${t.content} is not null or ${t.verdict} is not null`),
  ],
)

/** Whom an account does not want to hear of: at all, or, where a contact said so who is limited, about one domain. */
export const submissionMutes = pgTable(
  'submission_mutes',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    submitterUserId: uuid()
      .notNull()
      .references(() => users.id),
    /** Null for all of the account. */
    domainId: uuid(),
    contactId: uuid().notNull(),
    createdAt: instant().notNull(),
    /** From then on he is heard again. */
    liftedAt: instant(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    uniqueIndex('submission_mutes_of_all').on(t.accountId, t.submitterUserId).where(sql`${t.domainId} is null and ${t.liftedAt} is null`),
    uniqueIndex('submission_mutes_of_domain')
      .on(t.accountId, t.submitterUserId, t.domainId)
      .where(sql`${t.domainId} is not null and ${t.liftedAt} is null`),
    index('submission_mutes_newest').on(t.accountId, t.createdAt.desc(), t.id.desc()),
    foreignKey({
      name: 'submission_mutes_contact',
      columns: [t.accountId, t.contactId],
      foreignColumns: [contacts.accountId, contacts.id],
    }),
    foreignKey({ name: 'submission_mutes_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] }),
  ],
)

/** When an account was last told of what is held for it: once a day at most, however much comes. */
export const submissionDigests = pgTable('submission_digests', {
  accountId: uuid()
    .primaryKey()
    .references(() => accounts.id),
  sentAt: instant().notNull(),
})

/** What lets a developer ask an account for a grant, and gives nothing: one current per account, random and long, kept as its SHA-256. */
export const requestCodes = pgTable('request_codes', {
  accountId: uuid()
    .primaryKey()
    .references(() => accounts.id),
  codeHash: bytes().notNull(),
  createdAt: instant().notNull(),
  createdBy: uuid()
    .notNull()
    .references(() => users.id),
})

/**
 * What somebody asked for, whether or not there is such an account, code or domain: all rows look alike to him. Only one that was right
 * has a grant; what became of that he learns when it is approved.
 */
export const grantRequests = pgTable(
  'grant_requests',
  {
    id: id().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    /** As stated. */
    account: text().notNull(),
    /** SHA-256 of the stated code, until it was looked at. */
    codeHash: bytes(),
    domainNames: text().array().notNull(),
    actions: text().array().notNull(),
    topics: text().array(),
    reach: text({ enum: reaches }).notNull(),
    maxUses: integer(),
    /** What for, in his words: null once it is over, when only the digest says what they were (`retention/`). */
    purpose: text(),
    /** SHA-256 of the words that went; null while they are there, and where there were none. */
    purposeDigest: bytes(),
    expiresAt: instant().notNull(),
    supersedes: uuid(),
    createdAt: instant().notNull(),
    /** When a job looked at it. */
    settledAt: instant(),
    cancelledAt: instant(),
    approvedAt: instant(),
    /** How the developer was verified when he asked, or took it back: what a job then does about it is his doing. */
    sessionId: uuid(),
    clientId: uuid(),
    verification: text({ enum: verificationMethods }),
    verificationLevel: text({ enum: verificationLevels }),
    verifiedAt: instant(),
    accountId: uuid(),
    grantId: uuid(),
  },
  (t) => [
    foreignKey({ name: 'grant_requests_grant', columns: [t.accountId, t.grantId], foreignColumns: [grants.accountId, grants.id] }),
    index('grant_requests_of_user').on(t.userId, t.createdAt, t.id),
    index('grant_requests_of_grant').on(t.accountId, t.grantId),
    check('grant_requests_reach', oneOf(t.reach, reaches)),
    check('grant_requests_purpose', sql`${t.purpose} is null or ${t.purposeDigest} is null`),
    check('grant_requests_answer', sql`${t.approvedAt} is null or (${t.cancelledAt} is null and ${t.grantId} is not null)`),
    check('grant_requests_verification', oneOf(t.verification, verificationMethods)),
    check('grant_requests_verification_level', oneOf(t.verificationLevel, verificationLevels)),
    check('grant_requests_verified', sql`num_nulls(${t.sessionId}, ${t.verification}, ${t.verificationLevel}, ${t.verifiedAt}) in (0, 4)`),
  ],
)

/** Told to support on the telephone: by whom it was made and by which right. It opens nothing by itself; who made it is judged when it is used. */
export const supportCodes = pgTable(
  'support_codes',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    /** HMAC-SHA256 under a key of the service: eight digits could be tried out otherwise. */
    codeHash: bytes().notNull(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    contactId: uuid(),
    grantId: uuid(),
    /** The service he made it through; null for his own sign-in. The code serves for no more than it may. */
    clientId: uuid().references(() => clients.id),
    domainId: uuid(),
    wrongTries: integer().notNull().default(0),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
    verifiedAt: instant(),
    /** The agent it was told to: it serves nobody else. */
    verifiedBy: uuid().references(() => users.id),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    index('support_codes_waiting').on(t.accountId, t.expiresAt).where(sql`${t.verifiedAt} is null`),
    index('support_codes_of_agent').on(t.verifiedBy, t.id).where(sql`${t.verifiedBy} is not null`),
    foreignKey({ name: 'support_codes_contact', columns: [t.accountId, t.contactId], foreignColumns: [contacts.accountId, contacts.id] }),
    foreignKey({ name: 'support_codes_grant', columns: [t.accountId, t.grantId], foreignColumns: [grants.accountId, grants.id] }),
    foreignKey({ name: 'support_codes_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] }),
    check('support_codes_by_one_right', sql`(${t.contactId} is null) <> (${t.grantId} is null)`),
    check('support_codes_verified', sql`(${t.verifiedAt} is null) = (${t.verifiedBy} is null)`),
  ],
)

// ---- tickets

/** Who acted and by which row: the same columns on everything written for an account. */
const authorship = () => ({
  actorUserId: uuid()
    .notNull()
    .references(() => users.id),
  capacity: text({ enum: capacities }).notNull(),
  contactId: uuid(),
  grantId: uuid(),
  staffMemberId: uuid().references(() => staffMembers.id),
  sessionId: uuid().notNull(),
  /** The service it came through, if any. */
  clientId: uuid(),
  verification: text({ enum: verificationMethods }).notNull(),
  verificationLevel: text({ enum: verificationLevels }).notNull(),
  verifiedAt: instant().notNull(),
})

const authorshipIsComplete = (t: { capacity: unknown; contactId: unknown; grantId: unknown; staffMemberId: unknown }) =>
  sql`case ${t.capacity}
    when 'contact' then ${t.contactId} is not null and ${t.grantId} is null and ${t.staffMemberId} is null
    when 'grant' then ${t.grantId} is not null and ${t.contactId} is null and ${t.staffMemberId} is null
    when 'staff' then ${t.staffMemberId} is not null and ${t.contactId} is null and ${t.grantId} is null
    else false end`

/**
 * A name that an account says is its own. It is no domain and carries no authority. It becomes a domain when the TXT record is seen and
 * nobody holds the name, or when staff say so.
 */
export const domainClaims = pgTable(
  'domain_claims',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    name: text().notNull(),
    /** What the TXT record must say: random, so that it proves this claim and no other. */
    value: text().notNull(),
    status: text({ enum: claimStatuses }).notNull().default('pending'),
    ...authorship(),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
    checkedAt: instant(),
    /** When the record was last seen while another account held the name: it waits for staff, and only they are told. */
    seenAt: instant(),
    domainId: uuid(),
    endedAt: instant(),
    version: version(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    uniqueIndex('domain_claims_pending').on(t.accountId, t.name).where(sql`${t.status} = 'pending'`),
    index('domain_claims_newest').on(t.accountId, t.createdAt.desc(), t.id.desc()),
    // The job looks at the one it has not looked at for longest.
    index('domain_claims_due').on(t.checkedAt).where(sql`${t.status} = 'pending'`),
    index('domain_claims_waiting').on(t.createdAt.desc(), t.id.desc()).where(sql`${t.status} = 'pending' and ${t.seenAt} is not null`),
    foreignKey({ name: 'domain_claims_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] }),
    foreignKey({ name: 'domain_claims_contact', columns: [t.accountId, t.contactId], foreignColumns: [contacts.accountId, contacts.id] }),
    check('domain_claims_status', oneOf(t.status, claimStatuses)),
    check('domain_claims_authorship', authorshipIsComplete(t)),
    check('domain_claims_ended', sql`(${t.status} = 'pending') = (${t.endedAt} is null)`),
    check('domain_claims_accepted', sql`(${t.status} = 'accepted') = (${t.domainId} is not null)`),
    check('domain_claims_period', sql`${t.createdAt} < ${t.expiresAt}`),
  ],
)

export const ticketNumber = pgSequence('ticket_number', { startWith: 100001 })
export const accountNumber = pgSequence('account_number', { startWith: 10001 })

export const tickets = pgTable(
  'tickets',
  {
    accountId: uuid()
      .notNull()
      .references(() => accounts.id),
    id: id().notNull(),
    /** Shown as `T-100001`. From one sequence, so unique for the provider. */
    number: bigint({ mode: 'number' }).notNull(),
    domainId: uuid(),
    host: text(),
    /** Another account holds this host or a name between it and the domain: staff see it first, the caller learns nothing. */
    hostHeldByOtherAccount: boolean().notNull().default(false),
    topic: text().notNull(),
    topicVersion: integer().notNull(),
    subject: text().notNull(),
    status: text({ enum: ticketStatuses }).notNull().default('new'),
    priority: text({ enum: priorities }).notNull().default('normal'),
    contactsOnly: boolean().notNull().default(false),
    origin: text({ enum: ticketOrigins }).notNull(),
    channel: text({ enum: channels }).notNull(),
    requesterUserId: uuid().references(() => users.id),
    requesterText: text(),
    /** By telephone: the agent who wrote down what the requester said. */
    recordedByStaffId: uuid().references(() => staffMembers.id),
    ...authorship(),
    details: jsonb().$type<Record<string, unknown>>().notNull(),
    completeness: jsonb().$type<Record<string, unknown>>().notNull(),
    createdAt: instant().notNull(),
    arrivedAt: instant().notNull(),
    firstResponseAt: instant(),
    lastCustomerReplyAt: instant(),
    resolvedAt: instant(),
    closedAt: instant(),
    /** Raised when domain, topic or `contactsOnly` change: what a guarded act on the ticket compares. */
    authorityRevision: revision(),
    version: version(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    unique('tickets_number').on(t.accountId, t.number),
    index('tickets_by_id').on(t.id),
    index('tickets_newest').on(t.accountId, t.createdAt.desc(), t.id.desc()),
    index('tickets_newest_of_all').on(t.createdAt.desc(), t.id.desc()),
    index('tickets_of_grant').on(t.accountId, t.grantId).where(sql`${t.grantId} is not null`),
    foreignKey({ name: 'tickets_domain', columns: [t.accountId, t.domainId], foreignColumns: [domains.accountId, domains.id] }),
    foreignKey({ name: 'tickets_contact', columns: [t.accountId, t.contactId], foreignColumns: [contacts.accountId, contacts.id] }),
    foreignKey({ name: 'tickets_grant', columns: [t.accountId, t.grantId], foreignColumns: [grants.accountId, grants.id] }),
    check('tickets_authorship', authorshipIsComplete(t)),
    check('tickets_verification', oneOf(t.verification, verificationMethods)),
    check('tickets_verification_level', oneOf(t.verificationLevel, verificationLevels)),
    check('tickets_status', oneOf(t.status, ticketStatuses)),
    check('tickets_priority', oneOf(t.priority, priorities)),
    check('tickets_channel', oneOf(t.channel, channels)),
    check('tickets_origin', oneOf(t.origin, ticketOrigins)),
    check('tickets_origin_of_capacity', sql`(${t.origin} = 'live') = (${t.capacity} <> 'staff')`),
    check('tickets_recorded', sql`${t.recordedByStaffId} is null or (${t.origin} = 'live' and ${t.channel} = 'phone')`),
    check('tickets_requester', sql`${t.origin} <> 'live' or ${t.requesterUserId} is not null`),
    check('tickets_host', sql`${t.host} is null or ${t.domainId} is not null`),
    check('tickets_delegated', sql`${t.capacity} <> 'grant' or (${t.domainId} is not null and not ${t.contactsOnly})`),
  ],
)

export const messages = pgTable(
  'messages',
  {
    accountId: uuid().notNull(),
    ticketId: uuid().notNull(),
    id: id().notNull(),
    kind: text({ enum: messageKinds }).notNull(),
    ...authorship(),
    body: text().notNull(),
    createdAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.ticketId, t.id] }),
    foreignKey({ name: 'messages_ticket', columns: [t.accountId, t.ticketId], foreignColumns: [tickets.accountId, tickets.id] }),
    foreignKey({ name: 'messages_contact', columns: [t.accountId, t.contactId], foreignColumns: [contacts.accountId, contacts.id] }),
    foreignKey({ name: 'messages_grant', columns: [t.accountId, t.grantId], foreignColumns: [grants.accountId, grants.id] }),
    check('messages_kind', oneOf(t.kind, messageKinds)),
    check('messages_authorship', authorshipIsComplete(t)),
    check('messages_verification_level', oneOf(t.verificationLevel, verificationLevels)),
    check('messages_note', sql`${t.kind} <> 'note' or ${t.capacity} = 'staff'`),
  ],
)

// ---- the journal

/** The account of events that concern no customer's account: the provider's own. */
export const providerAccountId = '00000000-0000-0000-0000-000000000000'

/** Append-only (triggers refuse update, delete and truncate). Ids and closed words only; free values are in `journal_values`. */
export const journalEvents = pgTable(
  'journal_events',
  {
    accountId: uuid().notNull(),
    id: id().notNull(),
    at: instant().notNull(),
    kind: text().notNull(),
    audience: text({ enum: audiences }).notNull(),
    actorUserId: uuid(),
    clientId: uuid(),
    capacity: text({ enum: capacities }),
    viaId: uuid(),
    sessionId: uuid(),
    verification: text({ enum: verificationMethods }),
    /** Null with no verification, and in events of before levels were recorded. */
    verificationLevel: text({ enum: verificationLevels }),
    /** When whoever acted was last verified. Null with no verification, and in events of before it was recorded. */
    verifiedAt: instant(),
    action: text(),
    decision: text({ enum: ['permit', 'deny'] }),
    reason: text(),
    resourceType: text(),
    resourceId: uuid(),
    domainId: uuid(),
    requestId: text(),
    changed: text().array(),
    /** Salted digest of the row in `journal_values`, so that the value can be erased and the event still stands. */
    valueDigest: bytes(),
    /** Says when its transaction is over, so that numbering skips none that commits late. Starts anew elsewhere: never follow it. */
    transactionId: transactionId().notNull().default(sql`pg_current_xact_id()`),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.id] }),
    check('journal_events_audience', oneOf(t.audience, audiences)),
    check(
      'journal_events_verification_level',
      sql`${t.verificationLevel} is null or (${t.verification} is not null and ${oneOf(t.verificationLevel, verificationLevels)})`,
    ),
    // Asked of what is written from now on: those of before have none (`not valid` in the migration).
    check('journal_events_verified_at', sql`(${t.verification} is null) = (${t.verifiedAt} is null)`),
    index('journal_events_newest').on(t.accountId, t.at.desc(), t.id.desc()),
    index('journal_events_newest_of_all').on(t.at.desc(), t.id.desc()),
    // When a grant was last used: an index only of what was done under one, since using it touches no row of its own.
    // When a contact was last used is shown to his account, for every contact of a page.
    index('journal_events_of_contact').on(t.accountId, t.viaId, t.at.desc()).where(sql`${t.capacity} = 'contact'`),
    index('journal_events_of_grant').on(t.accountId, t.viaId, t.at.desc()).where(sql`${t.capacity} = 'grant'`),
    index('journal_events_transaction').on(t.transactionId, t.id),
  ],
)

/** Append-only. The place of every event in the one order of the whole journal, without a gap: what followers follow. */
export const journalPositions = pgTable(
  'journal_positions',
  {
    accountId: uuid().notNull(),
    eventId: uuid().notNull(),
    position: bigint({ mode: 'number' }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.eventId] }),
    uniqueIndex('journal_positions_position').on(t.position),
    index('journal_positions_of_account').on(t.accountId, t.position),
    foreignKey({
      name: 'journal_positions_event',
      columns: [t.accountId, t.eventId],
      foreignColumns: [journalEvents.accountId, journalEvents.id],
    }),
    check('journal_positions_begin', sql`${t.position} > 0`),
  ],
)

/** Append-only. Each seal covers the events at its positions and, by its hash, the seal before it. */
export const journalSeals = pgTable(
  'journal_seals',
  {
    number: bigint({ mode: 'number' }).primaryKey(),
    firstPosition: bigint({ mode: 'number' }).notNull(),
    lastPosition: bigint({ mode: 'number' }).notNull(),
    /** Merkle root of its events. */
    root: bytes().notNull(),
    hash: bytes().notNull(),
    sealedAt: instant().notNull(),
    /** Where the next numbering begins: in this database cluster nothing below is left. Null: it looks at everything. */
    cluster: text().notNull(),
    numberedBelow: transactionId(),
  },
  (t) => [
    uniqueIndex('journal_seals_first_position').on(t.firstPosition),
    check('journal_seals_order', sql`${t.number} > 0 and ${t.firstPosition} > 0 and ${t.lastPosition} >= ${t.firstPosition}`),
  ],
)

export const journalValues = pgTable(
  'journal_values',
  {
    accountId: uuid().notNull(),
    eventId: uuid().notNull(),
    salt: bytes().notNull(),
    value: jsonb().$type<Record<string, unknown>>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.eventId] }),
    foreignKey({
      name: 'journal_values_event',
      columns: [t.accountId, t.eventId],
      foreignColumns: [journalEvents.accountId, journalEvents.id],
    }),
  ],
)

/** What strangers tried, counted; under the provider's own account what was stated and is no account. */
export const refusedAttempts = pgTable(
  'refused_attempts',
  {
    accountId: uuid().notNull(),
    hour: instant().notNull(),
    /** The user, or the client that spoke for itself. */
    principalId: uuid().notNull(),
    /** SHA-256 of the id or number as it was stated. */
    stated: bytes().notNull(),
    attempts: integer().notNull(),
    lastAt: instant().notNull(),
    /** When the owners were told. */
    toldAt: instant(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.hour, t.principalId, t.stated] }),
    index('refused_attempts_untold').on(t.accountId).where(sql`${t.toldAt} is null`),
    index('refused_attempts_old').on(t.hour),
  ],
)

// ---- the service's own

/** A stored answer, written by the same statement or transaction as the effect it answers for. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    principalId: uuid().notNull(),
    key: text().notNull(),
    fingerprint: bytes().notNull(),
    status: integer(),
    headers: jsonb().$type<Record<string, string>>(),
    body: jsonb(),
    /** What the answer made and by which action it may be read: asked again before it is given again. */
    made: jsonb().$type<Record<string, unknown>>(),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.principalId, t.key] }), index('idempotency_keys_expiry').on(t.expiresAt)],
)

/** Counted attempts per network, address or other target, shared by all processes. */
export const throttles = pgTable(
  'throttles',
  {
    bucket: text().primaryKey(),
    attempts: integer().notNull(),
    windowEndsAt: instant().notNull(),
  },
  (t) => [index('throttles_expiry').on(t.windowEndsAt)],
)

export const signingKeys = pgTable('signing_keys', {
  kid: text().primaryKey(),
  algorithm: text().notNull(),
  publicKey: jsonb().$type<Record<string, unknown>>().notNull(),
  /** Sealed (AES-256-GCM) with the service's secret key; the private key is nowhere in clear. */
  sealedPrivateKey: bytes().notNull(),
  createdAt: instant().notNull(),
  removedAt: instant(),
})

// ---- clients and what proves who

/** A registered service such as a control panel. It speaks only for users and accounts of its realm, and adds no authority to theirs. */
export const clients = pgTable(
  'clients',
  {
    id: id().primaryKey(),
    name: text().notNull(),
    /** The issuer name of its assertions; users and accounts it made belong to it. */
    realm: text().notNull(),
    status: text({ enum: clientStatuses }).notNull().default('active'),
    scopes: text().array().notNull(),
    /** Whether `auth_time` and `amr` it asserts count as a fresh sign-in. */
    mayStepUp: boolean().notNull().default(false),
    /** SHA-256 of the secret (256 bit, random, so that a slow hash adds nothing); null with keys only. */
    secretHash: bytes(),
    /** The former secret while both serve. */
    formerSecretHash: bytes(),
    formerSecretEndsAt: instant(),
    keys: jsonb().$type<Record<string, unknown>[]>().notNull().default([]),
    /** Where it publishes further keys; counts while the operator allows the address. */
    keysUrl: text(),
    authorityRevision: revision(),
    version: version(),
    createdAt: instant().notNull(),
    disabledAt: instant(),
  },
  (t) => [
    uniqueIndex('clients_name').on(t.name),
    check('clients_status', oneOf(t.status, clientStatuses)),
    check('clients_scopes', allOf(t.scopes, clientScopes)),
  ],
)

/** Directory: who a panel's user is with us. By issuer and subject only, never by mail address. */
export const subjects = pgTable(
  'subjects',
  {
    issuer: text().notNull(),
    subject: text().notNull(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    createdAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.issuer, t.subject] }), index('subjects_of_user').on(t.userId)],
)

/** Identifiers of assertions already taken, until they would have expired anyway: none serves twice, whichever process sees it. */
export const usedAssertions = pgTable(
  'used_assertions',
  { issuer: text().notNull(), jti: text().notNull(), expiresAt: instant().notNull() },
  (t) => [primaryKey({ columns: [t.issuer, t.jti] }), index('used_assertions_expiry').on(t.expiresAt)],
)

/** Rotated at every use; the one before is kept to notice that it is used again. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    secretHash: bytes().primaryKey(),
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id),
    createdAt: instant().notNull(),
    rotatedAt: instant(),
    /** Sealed under a key made from the token itself: two honest parallel uses get the same successor, and nobody else can read it. */
    sealedSuccessor: bytes(),
  },
  (t) => [index('refresh_tokens_of_session').on(t.sessionId)],
)

/** Long-lived, named tokens for tools: shown once, a ceiling below their user. */
export const accessTokens = pgTable(
  'access_tokens',
  {
    id: id().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id),
    name: text().notNull(),
    secretHash: bytes().notNull(),
    ceiling: jsonb().$type<Record<string, unknown>>().notNull(),
    createdAt: instant().notNull(),
    expiresAt: instant().notNull(),
    revokedAt: instant(),
    lastUsedOn: instant(),
  },
  (t) => [uniqueIndex('access_tokens_secret').on(t.secretHash), index('access_tokens_of_user').on(t.userId, t.id)],
)

export const secondFactors = pgTable(
  'second_factors',
  {
    id: id().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    kind: text({ enum: factorKinds }).notNull(),
    name: text().notNull(),
    /** TOTP: the sealed key. */
    sealedSecret: bytes(),
    /** TOTP: the last step accepted, so that a code serves once (RFC 6238, section 5.2). */
    lastStep: bigint({ mode: 'number' }),
    /** Passkey: what the authenticator registered. */
    credentialId: text(),
    publicKey: bytes(),
    signCount: bigint({ mode: 'number' }),
    transports: text().array(),
    createdAt: instant().notNull(),
    /** Null until the first code was right. */
    confirmedAt: instant(),
    lastUsedAt: instant(),
    removedAt: instant(),
  },
  (t) => [
    check('second_factors_kind', oneOf(t.kind, factorKinds)),
    uniqueIndex('second_factors_credential').on(t.credentialId).where(sql`${t.removedAt} is null`),
    index('second_factors_of_user').on(t.userId),
  ],
)

export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id),
    codeHash: bytes().notNull(),
    createdAt: instant().notNull(),
    usedAt: instant(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.codeHash] })],
)

/** What a passkey must sign, once and within minutes. */
export const passkeyChallenges = pgTable('passkey_challenges', {
  id: id().primaryKey(),
  purpose: text({ enum: ['register', 'sign_in', 'step_up'] }).notNull(),
  userId: uuid().references(() => users.id),
  challenge: text().notNull(),
  expiresAt: instant().notNull(),
  usedAt: instant(),
})
