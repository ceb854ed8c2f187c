import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { refusalReasons, type ServerUnderTest, testMutualTls } from '../support/mutual-tls.ts';
import { describeWith } from '../support/outside-program.ts';
import { freePort, startProgram, until } from '../support/server-process.ts';

const haproxy: ServerUnderTest = {
  async start({ directory, bundle, ca, allCrls }) {
    const port = await freePort();
    const configuration = join(directory, 'haproxy.cfg');
    writeFileSync(
      configuration,
      `
global
  log stdout format raw daemon
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout http-request 5s
frontend api
  bind 127.0.0.1:${port} ssl crt ${bundle} ca-file ${ca} crl-file ${allCrls} verify required
  log global
  error-log-format "refused, certificate %[ssl_c_err], CA %[ssl_c_ca_err]: %[ssl_fc_err_str]"
  http-request return status 200 hdr X-Client "%[ssl_c_s_dn(cn)]"
`,
    );
    const process = await startProgram('haproxy', ['-W', '-f', configuration], port);
    return {
      port,
      async reload() {
        const printed = process.output().length;
        // What `systemctl reload haproxy` sends to the master.
        process.child.kill('SIGUSR2');
        await until(() => /ormer worker .*exited/.test(process.output().slice(printed)));
      },
      refusals: process.output,
      stop: process.stop,
    };
  },
  refusal(reason) {
    const numbers = refusalReasons[reason];
    return numbers.length === 0
      ? /certificate 0, CA 0: .*peer did not return a certificate/
      : new RegExp(`(certificate|CA) (${numbers.join('|')})[,:]`);
  },
};

describeWith('haproxy', 'curl', 'faketime')('mutual TLS with HAProxy', () => testMutualTls(haproxy));
