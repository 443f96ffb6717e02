/** What a token can be asked for with. A further way is one more line. */
import { OAuthError } from './errors.ts'
import { narrowedToken } from './exchange.ts'
import { required } from './form.ts'
import { panelToken } from './panel.ts'
import type { Plea } from './plea.ts'
import { refreshedToken } from './refresh.ts'
import type { TokenAnswer } from './schema.ts'
import { serviceToken } from './service.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

const grants: Readonly<Record<string, (plea: Plea) => Promise<TokenAnswer>>> = {
  'urn:ietf:params:oauth:grant-type:jwt-bearer': panelToken,
  client_credentials: serviceToken,
  refresh_token: refreshedToken,
  [exchange]: narrowedToken,
}

export const grantTypes = Object.keys(grants)

/** The token that is asked for. @throws OAuthError */
export async function grantToken(plea: Plea): Promise<TokenAnswer> {
  const type = required(plea.form, 'grant_type')
  const grant = Object.hasOwn(grants, type) ? grants[type] : undefined
  if (grant === undefined) throw new OAuthError('unsupported_grant_type', `grant_type takes ${grantTypes.join(', ')}`)
  // Neither is ignored: the token would be good for more than was asked.
  if (plea.form.has('scope')) throw new OAuthError('invalid_scope', 'There are no scopes to ask for: narrow a token by token exchange')
  if (type !== exchange && plea.form.has('authorization_details')) {
    throw new OAuthError('invalid_authorization_details', 'authorization_details are taken by token exchange only')
  }
  return grant(plea)
}
