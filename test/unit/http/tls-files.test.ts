import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { TlsFiles } from '../../../src/http/tls-files.js';
import { TlsFolder } from '../../support/tls.js';

let folder: TlsFolder;
before(async () => {
  folder = await TlsFolder.create();
});
after(() => folder.remove());

const listener = () => ({ ...folder.listener, minVersion: 'TLSv1.2' as const });
const refuses = (config: ReturnType<typeof listener> & { passphrase?: string }, message: RegExp) =>
  assert.throws(() => new TlsFiles(config, 'transports.x.tls'), {
    code: 'INVALID_CONFIG',
    message,
  });

test('files are the same as long as their bytes are', async () => {
  const first = new TlsFiles(listener(), 'x');
  assert.equal(first.equals(new TlsFiles(listener(), 'x')), true);
  assert.ok(first.expiresAt > Date.now() / 1000);
  const asked = new TlsFiles({ ...listener(), clientCertificates: 'none' as never }, 'x');
  assert.equal(asked.serverOptions.ca, undefined);
  assert.equal('requestCert' in asked.serverOptions, false);
  assert.equal(first.equals(asked), false);
  await folder.renew();
  assert.equal(first.equals(new TlsFiles(listener(), 'x')), false);
});

test('what is no certificate, or not of this key, is named by its file', () => {
  const other = `${folder.path}/other.pem`;
  refuses({ ...listener(), certFile: `${folder.path}/none.pem` }, /transports\.x\.tls: ENOENT/);
  folder.write(other, 'garbage');
  refuses({ ...listener(), certFile: other }, /other\.pem holds no certificate/);
  refuses({ ...listener(), keyFile: other }, /other\.pem holds no key that can be read/);
  refuses({ ...listener(), clientCaFile: other }, /other\.pem holds no certificate/);
  // OpenSSL looks only at keys of the certificate's own kind.
  for (const { privateKey } of [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ]) {
    folder.write(other, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    refuses({ ...listener(), keyFile: other }, /other\.pem is not the key of .*cert\.pem/);
  }
});

test('a key may have a passphrase, which no message has', async () => {
  const { key } = await folder.renew();
  const keyFile = `${folder.path}/locked.pem`;
  const locked = { cipher: 'aes-256-cbc', passphrase: 'open sesame' };
  const pem = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', ...locked });
  folder.write(keyFile, pem.toString());
  assert.ok(new TlsFiles({ ...listener(), keyFile, passphrase: 'open sesame' }, 'x'));
  refuses({ ...listener(), keyFile }, /locked\.pem holds no key that can be read/);
  refuses(
    { ...listener(), keyFile, passphrase: 'another secret' },
    /^(?!.*another secret).*locked/,
  );
});
