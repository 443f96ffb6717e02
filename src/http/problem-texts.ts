import type { ProblemCode } from '../problem.ts'

/** What each kind of problem means and what the caller can do about it. */
export const explanations: Readonly<Record<ProblemCode, { meaning: string; remedy: string }>> = {
  malformed_request: {
    meaning: 'The request could not be read: the body is not JSON, a header has the wrong form, or the URI is badly encoded.',
    remedy: 'Mend the place that detail names and send the request again.',
  },
  unsupported_cursor: {
    meaning: 'The cursor was not made for this list, these filters and this caller.',
    remedy: 'Read the list again from its first page, without a cursor.',
  },
  idempotency_key_missing: {
    meaning: 'This request must not be carried out twice, so it needs an Idempotency-Key.',
    remedy: 'Send a new random key, and the same key again when you repeat the request.',
  },
  unauthenticated: {
    meaning: 'No valid access token came with the request.',
    remedy: 'Sign in, and send the access token as Authorization: Bearer.',
  },
  second_factor_required: {
    meaning: 'The password was right, and its user has a second factor, which was not shown or was wrong.',
    remedy: 'Send a code of a kind that accepts names as the member code, or sign in with a passkey.',
  },
  step_up_required: {
    meaning: 'This act needs a sign-in that is only minutes old.',
    remedy: 'Sign in again in this session and repeat the request.',
  },
  not_authorised: {
    meaning: 'You may not do this here.',
    remedy: 'The member next names the ways to authority. The member reason is given to those who may know it.',
  },
  not_found: {
    meaning: 'There is nothing here, or nothing that you may see.',
    remedy: 'Check the path. Someone with authority over it can give you access.',
  },
  method_not_allowed: {
    meaning: 'The path exists, but not with this method.',
    remedy: 'Use one of the methods that Allow and the member allowed name.',
  },
  not_acceptable: {
    meaning: 'The request accepts none of the media types this path can answer in.',
    remedy: 'Accept application/json.',
  },
  request_timeout: {
    meaning: 'The request did not arrive completely within the time allowed.',
    remedy: 'Send it again without pausing.',
  },
  conflict: {
    meaning: 'The request contradicts something that exists.',
    remedy: 'Read the resources it is about and adapt the request.',
  },
  invalid_transition: {
    meaning: 'The resource cannot go from its current state, from, to the one asked for, to.',
    remedy: 'The member allowed names the states that can be reached.',
  },
  idempotency_in_progress: {
    meaning: 'A request with this Idempotency-Key is being carried out.',
    remedy: 'Repeat the request with the same key after the seconds that Retry-After names.',
  },
  gone: {
    meaning: 'This existed and does not any more.',
    remedy: 'Forget the reference to it.',
  },
  precondition_failed: {
    meaning: 'The resource has changed since the version named in If-Match.',
    remedy: 'Read it again, and repeat the change with the new ETag if you still mean it.',
  },
  content_too_large: {
    meaning: 'The body is larger than this path takes.',
    remedy: 'Send less at once.',
  },
  uri_too_long: {
    meaning: 'The URI, or one part of its path, is longer than the service reads.',
    remedy: 'Shorten it.',
  },
  unsupported_media_type: {
    meaning: 'The body is in a form that this method does not take.',
    remedy: 'Send application/json in UTF-8; for PATCH application/merge-patch+json.',
  },
  validation_error: {
    meaning: 'The request was read, but some of its fields or parameters are not what they must be.',
    remedy: 'The member errors names each place and what it must be.',
  },
  details_missing: {
    meaning: 'The topic of this ticket asks for details that are missing.',
    remedy: 'The member missing names them and why they are asked for.',
  },
  idempotency_key_reused: {
    meaning: 'This Idempotency-Key belongs to another request.',
    remedy: 'Use a new key for a new request.',
  },
  precondition_required: {
    meaning: 'This change must name the version it is based on.',
    remedy: 'Read the resource and send its ETag as If-Match.',
  },
  quota_exceeded: {
    meaning: 'Too many requests came in too short a time.',
    remedy: 'Wait for the seconds that Retry-After names.',
  },
  header_fields_too_large: {
    meaning: 'The header of the request is larger than the service reads.',
    remedy: 'Send fewer or shorter header fields.',
  },
  internal: {
    meaning: 'Something went wrong on our side, and it has been recorded.',
    remedy: 'If it happens again, tell us the member instance.',
  },
  unavailable: {
    meaning: 'The service cannot answer at the moment. It is not known whether the request was carried out.',
    remedy: 'Repeat it, with the same Idempotency-Key, after the seconds that Retry-After names.',
  },
  timeout: {
    meaning: 'The request took too long and was given up.',
    remedy: 'Ask for less at once, or repeat it, with the same Idempotency-Key, after the seconds that Retry-After names.',
  },
  insufficient_storage: {
    meaning: 'The service has no room to keep anything new.',
    remedy: 'Its operator must make room.',
  },
}
