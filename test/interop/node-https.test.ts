import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type RefusalReason, type ServerUnderTest, testMutualTls } from '../support/mutual-tls.ts';
import { describeWith } from '../support/outside-program.ts';

const nodeHttps: ServerUnderTest = {
  async start({ bundle, ca, crls }) {
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
    const server = createServer(
      { ...readFiles(), requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate(); // of an https server
        response.writeHead(200, { 'x-client': subject.CN, connection: 'close' }).end('served\n');
      },
    );
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
  },
  refusal: (reason) => new RegExp(`refused: ${codes[reason]}\n`),
};

const codes: Readonly<Record<RefusalReason, string>> = {
  none: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
  revoked: 'CERT_REVOKED',
  expired: 'CERT_HAS_EXPIRED',
  crlExpired: 'CRL_HAS_EXPIRED',
  wrongPurpose: 'INVALID_PURPOSE',
  foreign: 'UNABLE_TO_(GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE|GET_CRL)',
};

describeWith('curl', 'faketime')('mutual TLS with Node https, curl and faketime', () =>
  testMutualTls(nodeHttps),
);
