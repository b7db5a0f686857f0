import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdobeAuth, responseOf } from '../../../../src/transports/rtmp/adobe-auth.js';

const USERS = [{ name: 'ann', password: 'a b+c' }];
const CLIENT_CHALLENGE = '0a1b2c3d';

/** What a client makes of the server's second answer. */
function answer(description: string, user = USERS[0] as (typeof USERS)[number]): string {
  const fields = new URLSearchParams(description.slice(description.indexOf('?')));
  const [salt, opaque] = [fields.get('salt') ?? '', fields.get('opaque') ?? ''];
  const response = responseOf(user, salt, opaque, CLIENT_CHALLENGE);
  const shown = `challenge=${CLIENT_CHALLENGE}&response=${response}&opaque=${opaque}`;
  return `authmod=adobe&user=${user.name}&${shown}`;
}

const descriptionOf = (verdict: ReturnType<AdobeAuth['check']>): string =>
  'description' in verdict ? verdict.description : assert.fail('it was let in');

test('who knows the password is let in, once for each challenge', () => {
  let now = 1_000_000;
  const auth = new AdobeAuth(USERS, () => now);
  assert.match(descriptionOf(auth.check('')), /code=403 need auth; authmod=adobe/);
  const challenge = descriptionOf(auth.check('authmod=adobe&user=ann'));
  assert.match(challenge, /authmod=adobe \] : \?reason=needauth&user=ann&salt=\w+&challenge=/);
  assert.deepEqual(auth.check(answer(challenge)), { accepted: USERS[0] });
  assert.match(descriptionOf(auth.check(answer(challenge))), /authfailed/);
  // Another process of the server that has the same users.
  assert.deepEqual(new AdobeAuth(USERS, () => now).check(answer(challenge)), {
    accepted: USERS[0],
  });
  const late = descriptionOf(auth.check('authmod=adobe&user=ann'));
  now += 31_000;
  assert.match(descriptionOf(auth.check(answer(late))), /authfailed/);
});

test('nobody else is let in, and nobody learns who there is', () => {
  const auth = new AdobeAuth(USERS);
  const challenge = descriptionOf(auth.check('authmod=adobe&user=ann'));
  const wrong = auth.check(answer(challenge, { name: 'ann', password: 'other' }));
  assert.deepEqual('failed' in wrong && wrong.failed, true);
  const stranger = { name: 'bob', password: '' };
  const forBob = descriptionOf(auth.check('authmod=adobe&user=bob'));
  assert.match(forBob, /needauth&user=bob&salt=\w{16}&/);
  assert.match(descriptionOf(auth.check(answer(forBob, stranger))), /authfailed/);
  // A challenge for one user is none for another.
  assert.match(descriptionOf(auth.check(answer(forBob))), /authfailed/);
  const broken = ['response=', 'response=x&opaque=y', 'response=x&opaque=1.2.3', 'opaque=%00'];
  for (const text of broken) {
    assert.match(
      descriptionOf(auth.check(`authmod=adobe&user=ann&${text}`)),
      /authfailed|needauth/,
    );
  }
});

test('user and password in the query are looked at too', () => {
  const auth = new AdobeAuth(USERS);
  assert.deepEqual(auth.check('user=ann&pass=a%20b%2Bc'), { accepted: USERS[0] });
  assert.match(descriptionOf(auth.check('user=ann&pass=a')), /authfailed/);
  assert.match(descriptionOf(auth.check('user=bob&pass=a')), /authfailed/);
});
