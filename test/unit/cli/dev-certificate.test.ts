import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { cacheFolder, devCertificate } from '../../../src/cli/dev-certificate.js';

const DAY_MS = 86_400_000;
const parent = mkdtempSync(join(tmpdir(), 'ur-cert-'));
after(() => rmSync(parent, { recursive: true }));

describe('devCertificate', () => {
  const folder = join(parent, 'new', 'folder');

  it('is made for localhost, with a key that nobody else reads, and kept', async () => {
    const made = await devCertificate(folder);
    assert.equal(made.created, true);
    const certificate = new X509Certificate(readFileSync(made.certFile));
    assert.ok(certificate.checkHost('localhost'));
    assert.ok(certificate.checkIP('127.0.0.1'));
    assert.ok(certificate.checkIP('::1'));
    assert.equal(statSync(made.keyFile).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    chmodSync(made.keyFile, 0o644);
    const kept = await devCertificate(folder);
    assert.equal(kept.created, false);
    assert.deepEqual([kept.certFile, kept.keyFile], [made.certFile, made.keyFile]);
    assert.equal(statSync(made.keyFile).mode & 0o777, 0o600);
  });

  it('is made anew near its end', async () => {
    const soon = new Date(Date.now() + 360 * DAY_MS);
    assert.equal((await devCertificate(folder, soon)).created, true);
    assert.equal((await devCertificate(folder, soon)).created, false);
  });

  it('is made anew when what is there is no pair', async () => {
    const { certFile, keyFile } = await devCertificate(folder);
    writeFileSync(certFile, 'nonsense');
    assert.equal((await devCertificate(folder)).created, true);
    const other = await devCertificate(join(parent, 'other'));
    writeFileSync(keyFile, readFileSync(other.keyFile));
    assert.equal((await devCertificate(folder)).created, true);
  });

  it('is kept in the cache folder', () => {
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/c' }), '/c/upload-response');
    assert.match(cacheFolder({ XDG_CACHE_HOME: 'relative' }), /\.cache\/upload-response$/);
  });
});
