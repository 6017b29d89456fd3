// People sign up and log in. Whether a name exists is not told by logging in: a wrong name and a wrong password get the same
// answer after the same work.

import { apiError } from '../../../protocol/errors.ts';
import { formError, maybe, object, string, validate } from '../../../protocol/form.ts';
import type { UserRecord } from '../../../protocol/records.ts';
import { bareToken } from '../../../service/account/authenticator.ts';
import { addressGroup, LoginGuard } from '../../../service/account/logins.ts';
import { PASSWORD_BYTES_MAX, verifyPassword } from '../../../service/account/passwords.ts';
import { createToken, revokeToken, tokenHash } from '../../../service/account/tokens.ts';
import { foldUsername } from '../../../service/account/usernames.ts';
import { createUser } from '../../../service/account/users.ts';
import { accountDeps } from '../account-deps.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

/** Accounts made from one address: hashing is dear, and names are everybody's. */
const REGISTER_LIMIT = { name: 'auth-register', requests: 100, windowMs: 60_000 };
/** Characters read of a name to log in with: more than any name has. */
const LOGIN_CHARACTERS_MAX = 128;

const registerForm = object({
  username: string({ max: LOGIN_CHARACTERS_MAX, min: 1 }),
  password: string({ min: 1, max: PASSWORD_BYTES_MAX }),
  global_name: maybe(string({ max: LOGIN_CHARACTERS_MAX })),
});

const loginForm = object({
  // Discord's client calls it `login`, Spacebar's as well; people who script call it what it is.
  login: maybe(string({ min: 1, max: LOGIN_CHARACTERS_MAX })),
  username: maybe(string({ min: 1, max: LOGIN_CHARACTERS_MAX })),
  password: string({ min: 1, max: PASSWORD_BYTES_MAX }),
});

async function register(call: RestCall): Promise<RestAnswer> {
  const { context } = call;
  if (context.registration === 'closed') throw apiError('REGISTRATION_CLOSED');
  const form = validate(registerForm, call.body);
  const deps = accountDeps(context);
  const user = await createUser(deps, {
    username: form.username,
    password: form.password,
    ...(form.global_name === undefined ? {} : { global_name: form.global_name }),
    address: addressGroup(call.http.address),
  });
  const { token } = await createToken(deps, user);
  return { json: { token, user_id: user.id } };
}

async function login(call: RestCall): Promise<RestAnswer> {
  const form = validate(loginForm, call.body);
  const name = form.login ?? form.username;
  if (name === undefined) throw formError(['login'], 'BASE_TYPE_REQUIRED', 'This field is required');
  const deps = accountDeps(call.context);
  const folded = foldUsername(name.trim().replace(/\s+/gu, ' '));
  const address = addressGroup(call.http.address);
  const guard = new LoginGuard(call.context.runtime);
  const waitSeconds = await guard.begin(address, folded);
  if (waitSeconds > 0) throw apiError('RATE_LIMITED', { retryAfter: waitSeconds });
  let right = false;
  let user: UserRecord | null = null;
  try {
    user = await personNamed(call, folded);
    right = await verifyPassword(user?.password_hash ?? null, form.password, address);
  } catch (error) {
    guard.undo(address, folded);
    throw error;
  }
  if (!right || user === null) throw invalidLogin();
  guard.succeeded(address, folded);
  const { token } = await createToken(deps, user);
  return { json: { token, user_id: user.id } };
}

async function personNamed(call: RestCall, folded: string): Promise<UserRecord | null> {
  const { store } = call.context;
  const row = folded === '' ? null : await store.get<{ user_id: string }>('username', [folded]);
  return row === null ? null : store.get<UserRecord>('user', [row.user_id]);
}

function invalidLogin(): Error {
  const wrong = { _errors: [{ code: 'INVALID_LOGIN', message: 'Login or password is invalid.' }] };
  return apiError('INVALID_FORM', { errors: { login: wrong, password: wrong } });
}

/** The token of this request ends, and the sessions that live by it. */
async function logout(call: RestCall): Promise<RestAnswer> {
  const token = bareToken(call.http.headers.get('authorization') ?? '');
  await revokeToken(accountDeps(call.context), call.requester.user_id, tokenHash(token));
  return undefined;
}

export const authRoutes: readonly Route[] = [
  { method: 'POST', path: '/auth/register', auth: 'none', limit: REGISTER_LIMIT, handle: register },
  { method: 'POST', path: '/auth/login', auth: 'none', handle: login },
  { method: 'POST', path: '/auth/logout', auth: 'required', handle: logout },
];
