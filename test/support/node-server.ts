import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { MutualTlsServer, ServerFiles } from './mutual-tls.ts';

/** Node's own https server in this process, on a free port of 127.0.0.1. */
export async function startNodeServer({
  bundle,
  ca,
  crls,
}: Pick<ServerFiles, 'bundle' | 'ca' | 'crls'>): Promise<MutualTlsServer> {
  const readFiles = () => {
    const identity = readFileSync(bundle);
    // One CRL an element: of a PEM with two, Node reads the first alone (nodejs/node#65576).
    return {
      key: identity,
      cert: identity,
      ca: readFileSync(ca),
      crl: crls.map((path) => readFileSync(path)),
    };
  };
  let refusals = '';
  const options = { ...readFiles(), requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate(); // of an https server
    response.writeHead(200, { 'x-client': subject.CN, connection: 'close' }).end('served\n');
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    refusals += `refused: ${socket.authorizationError ?? error.code}\n`;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port, // of a TCP server that listens
    reload: async () => server.setSecureContext(readFiles()),
    refusals: () => refusals,
    async stop() {
      server.close();
      await once(server, 'close');
    },
  };
}
