import type { PeerCertificate } from 'node:tls';
import { expect, test } from 'vitest';
import { addressCheck } from '../../../src/connection/address-check.js';

/** Names that a check of the user's own was asked for. */
function asked(servername: string): string[] {
  const names: string[] = [];
  const check = addressCheck(servername, {
    checkServerIdentity: (name) => {
      names.push(name);
      return undefined;
    },
  }).checkServerIdentity;
  check?.('10.0.0.9', {} as PeerCertificate);
  return names;
}

test.each(['10.0.0.7', '::1'])('the certificate of %s must be for it, whatever is dialled', (address) => {
  expect(asked(address)).toEqual([address]);
});

test('of an origin that is called by a name Node checks it by itself', () => {
  expect(addressCheck('shop.test', {})).toEqual({});
});

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('not ours');
    },
  ],
  ['gives an error without a code', () => new Error('not ours')],
  ['gives a text', () => 'not ours'],
  ['gives what has no words', () => Object.create(null)],
  ['gives a promise, which would have been no error', () => Promise.reject(new Error('not ours'))],
])('a check of the user that %s refuses the certificate', (_, check) => {
  const { checkServerIdentity } = addressCheck('shop.test', { checkServerIdentity: check as () => undefined });
  const refused: unknown = checkServerIdentity?.('shop.test', {} as PeerCertificate);
  expect(refused).toBeInstanceOf(Error);
  expect(refused).toMatchObject({ code: 'ERR_TLS_CERT_REFUSED' });
});

test.each([undefined, null, false])('one that gives %s accepts it, as in node:tls', (nothing) => {
  const { checkServerIdentity } = addressCheck('shop.test', {
    checkServerIdentity: (() => nothing) as () => undefined,
  });
  expect(checkServerIdentity?.('shop.test', {} as PeerCertificate)).toBeUndefined();
});
