import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { refusalReasons, type ServerUnderTest, testMutualTls } from '../support/mutual-tls.ts';
import { describeWith, runProgram } from '../support/outside-program.ts';
import { freePort, startProgram, until } from '../support/server-process.ts';

const nginx: ServerUnderTest = {
  async start({ directory, chain, privateKey, ca, allCrls }) {
    const port = await freePort();
    const configuration = join(directory, 'nginx.conf');
    const log = join(directory, 'error.log');
    writeFileSync(
      configuration,
      `
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {}
http {
  access_log off;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${chain};
    ssl_certificate_key ${privateKey};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_client_certificate ${ca};
    ssl_verify_client on;
    ssl_verify_depth 2;
    ssl_crl ${allCrls};
    add_header X-Client $ssl_client_s_dn;
    location / { return 200 "served\\n"; }
  }
}
`,
    );
    const options = ['-p', directory, '-c', configuration, '-e', log];
    const process = await startProgram('nginx', [...options, '-g', 'daemon off;'], port);
    return {
      port,
      async reload() {
        const logged = readFileSync(log).length;
        runProgram('nginx', [...options, '-s', 'reload']);
        await until(() => /worker process \d+ exited/.test(readFileSync(log, 'utf8').slice(logged)));
      },
      refusals: () => readFileSync(log, 'utf8'),
      stop: process.stop,
    };
  },
  refusal(reason) {
    const numbers = refusalReasons[reason];
    return numbers.length === 0
      ? /client sent no required SSL certificate/
      : new RegExp(`client SSL certificate verify error: \\((${numbers.join('|')}):`);
  },
};

describeWith('nginx', 'curl', 'faketime')('mutual TLS with nginx', () => testMutualTls(nginx));
