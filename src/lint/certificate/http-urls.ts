import type { CertificateRule } from '../rule.ts';

/** CRLs and CA certificates are fetched over plain http, whose bytes are signed; https would need the check it serves. */
export const httpUrls: CertificateRule = {
  name: 'http-urls',
  cites: 'RFC 5280 §4.2.1.13, §8',
  check({ crlDistributionPoints, caIssuers, ocsp }) {
    const wrong = [...crlDistributionPoints, ...caIssuers, ...ocsp].find(
      (url) => !/^http:\/\/[^/]/.test(url) || !URL.canParse(url),
    );
    return wrong !== undefined ? `URL ${wrong} is not an http URL` : undefined;
  },
};
