/** What letters about submissions say. None holds a secret, a link that decides, or a word of who submitted. */
export const submissionNotices = {
  submissions_waiting: {
    subject: 'Something waits for your decision',
    said: 'somebody without authority has submitted something. Sign in to decide\nabout it; nothing in this letter decides anything.',
  },
  submission_accepted: { subject: 'What you submitted was accepted', said: 'what you submitted was accepted and is a ticket now.' },
  submission_released: {
    subject: 'Support has let something through',
    said: 'support has made a ticket of something that was submitted, after a\ntelephone call with one of your contacts. If that was none of you, tell us.',
  },
} as const

/** Where its reader finds what a letter is about; undefined for letters about something else. */
export function placeOfSubmission(kind: string, { number }: { number: string }, subjectId: string): string | undefined {
  if (kind === 'submission_accepted') return `/v1/submissions/${subjectId}`
  if (kind === 'submission_released') return `/v1/accounts/${number}/submissions/${subjectId}`
  return kind === 'submissions_waiting' ? `/v1/accounts/${number}/submissions` : undefined
}
