import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import type { SecureVersion, TLSSocket } from 'node:tls';

/** A server on loopback, and the CA that its certificate is checked against. */
export interface Target {
  readonly port: number;
  readonly ca: string;
}

/** The files that a client attaches to its requests. */
export interface ClientFiles {
  /** Key and chain in one PEM. */
  readonly bundle: string;
}

/** What became of a request. */
export interface Answer {
  /** The status of the response; undefined when the connection was refused. */
  readonly status: number | undefined;
  /** The client's name as the server saw it. */
  readonly client: string | undefined;
  /** What the client was told; for a failed test's message. */
  readonly said: string;
}

/** A request by curl, with a PEM file or without a certificate. */
export function curlPem(target: Target, files: ClientFiles | undefined): Promise<Answer> {
  return curl(target, files ? ['--cert', files.bundle] : []);
}

/** A request by curl, with a PKCS#12 file. */
export function curlPkcs12(target: Target, path: string, password: string): Promise<Answer> {
  return curl(target, ['--cert-type', 'P12', '--cert', path, '--pass', password]);
}

/** A request by Node's https, with a PEM file or without a certificate. */
export async function nodeHttps(target: Target, files: ClientFiles | undefined): Promise<Answer> {
  return (await nodeRequest(target, files)).answer;
}

/** A TLS session that a server gave to a client, to be resumed. */
export interface Resumable {
  readonly version: SecureVersion;
  readonly session: Buffer | undefined;
}

/** Like {@link nodeHttps} with one TLS version, and with the session of an earlier request if there is one. */
export async function nodeRequest(
  { port, ca }: Target,
  files: ClientFiles | undefined,
  { version, session }: Partial<Resumable> = {},
): Promise<{ answer: Answer; session: Buffer | undefined; resumed: boolean }> {
  const identity = files && readFileSync(files.bundle);
  return new Promise((resolve) => {
    let latest: Buffer | undefined;
    let resumed = false;
    const request = get({
      host: 'localhost',
      family: 4,
      port,
      ca: readFileSync(ca),
      agent: false,
      ...(identity ? { key: identity, cert: identity } : {}),
      ...(version ? { minVersion: version, maxVersion: version } : {}),
      ...(session ? { session } : {}),
    });
    const end = (answer: Answer) => resolve({ answer, session: latest, resumed });
    request.on('socket', (socket) => {
      const tls = socket as TLSSocket; // of an https request
      tls.on('session', (given) => {
        latest = given;
      });
      tls.on('secureConnect', () => {
        resumed = tls.isSessionReused();
      });
    });
    request.on('error', (error) => end({ status: undefined, client: undefined, said: error.message }));
    request.on('response', (response) => {
      const { 'x-client': client } = response.headers;
      response.on('error', (error) => end({ status: undefined, client: undefined, said: error.message }));
      response.on('end', () =>
        end({ status: response.statusCode, client: client ? `${client}` : undefined, said: '' }),
      );
      response.resume();
    });
  });
}

async function curl({ port, ca }: Target, identity: readonly string[]): Promise<Answer> {
  const url = `https://localhost:${port}/`;
  const args = ['--silent', '--show-error', '--include', '--ipv4', '--noproxy', '*', '--cacert', ca];
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile('curl', [...args, ...identity, url], (_error, out, err) =>
      resolve({ stdout: out, stderr: err }),
    );
  });
  const status = /^HTTP\/\S+ (\d{3})/.exec(stdout)?.[1];
  return {
    status: status === undefined ? undefined : Number(status),
    client: /^x-client: (.*)$/im.exec(stdout)?.[1]?.trim(),
    said: stderr.trim(),
  };
}
