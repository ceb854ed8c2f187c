import { createECDH, createHash, createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certify } from '../../src/authority/certify.ts';
import { createSigner, openIssuer } from '../../src/authority/issuer.ts';
import { findProfile, initialSettings, parseSettings } from '../../src/authority/settings.ts';
import { parseClientName } from '../../src/core/client-name.ts';
import { serialFromOctets } from '../../src/core/serial.ts';
import { decodePem, encodePem } from '../../src/x509/pem.ts';
import { encodePrivateKey } from '../../src/x509/private-key.ts';
import { encodeSpki } from '../../src/x509/subject-public-key-info.ts';
import { run, timePerCall } from './measure.ts';
import type { Row } from './table.ts';

/**
 * Fresh P-256 key, certificate and PEM texts in one process: ours, with lint and the check of the signature,
 * beside a loop of hand-laid bytes over node:crypto that checks nothing.
 */
export function benchInProcess(home: string, directory: string): readonly Row[] {
  const caFile = join(home, 'ca.crt');
  const certificate = decodePem(readFileSync(caFile, 'utf8'))[0]?.der ?? new Uint8Array();
  const key = createPrivateKey(readFileSync(join(home, 'keys', 'root.key'), 'utf8'));
  const signer = createSigner(openIssuer('root', certificate), key);
  const settings = parseSettings(initialSettings({ crlUrls: [] }));
  const plan = {
    client: parseClientName('billing'),
    profile: findProfile(settings, 'client'),
    subject: [{ type: 'CN' as const, value: 'billing' }],
    subjectAltNames: [],
    notBefore: new Date('2027-01-01T00:00:00Z'),
    notAfter: new Date('2027-04-01T00:00:00Z'),
  };
  let last = '';
  const ours = () => {
    const pair = rawPair();
    const octets = randomBytes(16);
    octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
    const { certificate: der } = certify(
      plan,
      serialFromOctets(octets),
      encodeSpki('p256', pair.publicKey),
      signer,
      settings,
    );
    last =
      encodePem('CERTIFICATE', der) +
      encodePem('PRIVATE KEY', encodePrivateKey({ algorithm: 'p256', ...pair }));
  };
  ours();
  checkWithOpenssl(last, caFile, directory);
  const raw = rawLoop(last, key);
  const [oursUs, rawUs] = alternate(ours, raw);
  const share = rawUs / oursUs;
  return [
    {
      work: 'one certificate in process: key, lint, sign, verify, PEM',
      measured: `${oursUs.toFixed(0)} µs`,
      against: `bare node:crypto loop: ${rawUs.toFixed(0)} µs`,
      ratio: `${(share * 100).toFixed(0)} % of its rate`,
      target: '≥ 35 %',
      met: share >= 0.35,
    },
  ];
}

function rawPair(): { privateKey: Uint8Array; publicKey: Uint8Array } {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  const scalar = Buffer.alloc(32);
  ecdh.getPrivateKey().copy(scalar, 32 - ecdh.getPrivateKey().length);
  return { privateKey: scalar, publicKey: ecdh.getPublicKey() };
}

/** What the machine can do: a finished certificate's TBS with key, identifier and serial patched in, and signed. */
function rawLoop(sample: string, key: ReturnType<typeof createPrivateKey>): () => void {
  const [certificate, privateKey] = decodePem(sample).map(({ der }) => Buffer.from(der));
  if (!certificate || !privateKey) throw new Error('the sample is not a certificate and its key');
  // Certificate ::= SEQUENCE { tbs, … }: the TBS follows the four octets of the outer header, and has four of its own.
  const tbs = Buffer.from(certificate.subarray(4, 4 + 4 + certificate.readUInt16BE(6)));
  const point = createPublicKey(sample).export({ type: 'spki', format: 'der' }).subarray(-65);
  const pointAt = tbs.indexOf(point);
  const bits = createHash('sha256').update(point).digest().subarray(0, 20);
  const identifierAt = tbs.indexOf(bits);
  const scalarAt = 36;
  return () => {
    const pair = rawPair();
    Buffer.from(pair.publicKey).copy(tbs, pointAt);
    if (identifierAt > 0) createHash('sha256').update(pair.publicKey).digest().copy(tbs, identifierAt, 0, 20);
    randomBytes(15).copy(tbs, 12);
    const signature = sign('sha256', tbs, key);
    const body = Buffer.concat([
      tbs,
      Buffer.from('300a06082a8648ce3d040302', 'hex'),
      Buffer.from([3, signature.length + 1, 0]),
      signature,
    ]);
    const der = Buffer.concat([Buffer.from([0x30, 0x82, body.length >> 8, body.length & 255]), body]);
    Buffer.from(pair.privateKey).copy(privateKey, scalarAt);
    encodePem('CERTIFICATE', der);
    encodePem('PRIVATE KEY', privateKey);
  };
}

function alternate(a: () => void, b: () => void): [number, number] {
  const samples: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round++) {
    samples[0].push(timePerCall(a, 400));
    samples[1].push(timePerCall(b, 400));
  }
  const median = (values: number[]) => values.sort((x, y) => x - y)[2] ?? Number.NaN;
  return [median(samples[0]), median(samples[1])];
}

/** A benchmark of certificates that nobody accepts would be worth nothing. */
function checkWithOpenssl(pem: string, caFile: string, directory: string): void {
  const path = join(directory, 'in-process.pem');
  writeFileSync(path, pem);
  run('openssl', [
    'verify',
    ...['-attime', '1800000000', '-x509_strict', '-purpose', 'sslclient', '-CAfile', caFile, path],
  ]);
}
