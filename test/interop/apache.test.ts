import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { refusalReasons, type ServerUnderTest, testMutualTls } from '../support/mutual-tls.ts';
import { describeWith, runProgram } from '../support/outside-program.ts';
import { freePort, startProgram, until } from '../support/server-process.ts';

const apache: ServerUnderTest = {
  async start({ directory, chain, privateKey, ca, allCrls }) {
    const port = await freePort();
    const configuration = join(directory, 'apache2.conf');
    const log = join(directory, 'error.log');
    const documents = join(directory, 'documents');
    // Its workers may not be root, and read the page.
    chmodSync(directory, 0o755);
    mkdirSync(documents);
    writeFileSync(join(documents, 'index.html'), 'served\n');
    const modules = ['mpm_event', 'authz_core', 'dir', 'headers', 'ssl'];
    writeFileSync(
      configuration,
      `
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${directory}
DefaultRuntimeDir ${directory}
PidFile ${directory}/apache2.pid
ErrorLog ${log}
LogLevel info
ServerName localhost
ServerLimit 4
KeepAlive Off
StartServers 1
Listen 127.0.0.1:${port}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
DocumentRoot ${documents}
DirectoryIndex index.html
SSLEngine on
SSLCertificateFile ${chain}
SSLCertificateKeyFile ${privateKey}
SSLCACertificateFile ${ca}
SSLVerifyClient require
SSLVerifyDepth 2
SSLCARevocationFile ${allCrls}
SSLCARevocationCheck chain
Header set X-Client "expr=%{SSL_CLIENT_S_DN_CN}"
`,
    );
    const server = await startProgram('apache2', ['-f', configuration, '-DFOREGROUND'], port);
    return {
      port,
      async reload() {
        const parent = readFileSync(join(directory, 'apache2.pid'), 'utf8').trim();
        const before = childrenOf(parent);
        const logged = readFileSync(log).length;
        // What `apachectl graceful` runs.
        runProgram('apache2', ['-f', configuration, '-k', 'graceful']);
        await until(() => readFileSync(log, 'utf8').slice(logged).includes('resuming normal operations'));
        // A child from before takes connections, with the old list, until it has been told to end.
        await until(() => !childrenOf(parent).some((child) => before.includes(child)));
      },
      refusals: () => readFileSync(log, 'utf8'),
      stop: server.stop,
    };
  },
  refusal(reason) {
    const numbers = refusalReasons[reason];
    return numbers.length === 0
      ? /peer did not return a certificate/
      : new RegExp(`Certificate Verification: Error \\((${numbers.join('|')})\\)`);
  },
};

/** The process ids of a process's children (Linux; elsewhere none are known). */
function childrenOf(pid: string): readonly string[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  return existsSync(list) ? readFileSync(list, 'utf8').split(' ').filter(Boolean) : [];
}

describeWith('apache2', 'curl', 'faketime')('mutual TLS with Apache', () => testMutualTls(apache));
