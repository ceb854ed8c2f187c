import { type RefusalReason, testMutualTls } from '../support/mutual-tls.ts';
import { startNodeServer } from '../support/node-server.ts';
import { describeWith } from '../support/outside-program.ts';

const codes: Readonly<Record<RefusalReason, string>> = {
  none: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
  revoked: 'CERT_REVOKED',
  expired: 'CERT_HAS_EXPIRED',
  crlExpired: 'CRL_HAS_EXPIRED',
  wrongPurpose: 'INVALID_PURPOSE',
  foreign: 'UNABLE_TO_(GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE|GET_CRL)',
};

describeWith('curl', 'faketime')('mutual TLS with Node https, curl and faketime', () =>
  testMutualTls({
    start: startNodeServer,
    refusal: (reason) => new RegExp(`refused: ${codes[reason]}\n`),
  }),
);
