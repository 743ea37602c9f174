/** The certificate of an origin with TLS. It is made for this run, and every process of Node that the run starts trusts it. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @type {{ cert: string, key: string } | undefined} */
let files;

/** @returns {{ cert: string, key: string }} their paths, until this process ends */
export function certificateFiles() {
  if (files !== undefined) return files;
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-tls-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const what = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const who = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:soak.test,DNS:*.soak.test'];
  execFileSync('openssl', [...what, ...who, '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
  process.env.NODE_EXTRA_CA_CERTS = files.cert;
  return files;
}
