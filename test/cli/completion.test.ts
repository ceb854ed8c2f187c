import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../support/outside-program.ts';
import { childLimits, shippedCli } from '../support/run-cli.ts';
import { Sandbox } from './sandbox.ts';

async function complete(sandbox: Sandbox, ...words: readonly string[]) {
  const { stdout } = await sandbox.run(['__complete', '--', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('ca __complete', () => {
  it('knows commands, options, and what they mean', async () => {
    const sandbox = new Sandbox();
    expect(await complete(sandbox, 'rev')).toEqual(['revoke\tcut a client or a certificate off']);
    expect(await complete(sandbox, 'crl', '--if')).toEqual([
      '--if-due\tonly when the published one is old, missing or damaged',
    ]);
    expect(await complete(sandbox, 'revoke', 'x', '--reason', 'super')).toEqual(['superseded\t']);
  });

  it('knows the clients, also of another home, and says nothing where there is no authority', async () => {
    const sandbox = new Sandbox();
    expect(await complete(sandbox, 'renew', '')).toEqual([]);
    await sandbox.init();
    await sandbox.run('issue billing');
    await sandbox.run('issue acme');
    await sandbox.run('issue acme --again');
    expect(await complete(sandbox, 'renew', '')).toEqual(['billing\tclient', 'acme\tclient']);
    const other = new Sandbox();
    expect(await complete(other, '--home', sandbox.home, 'revoke', 'b')).toEqual(['billing\tclient']);
  });
});

describe('ca completion', () => {
  it('gives the script inside JSON, too', async () => {
    const { stdout } = await new Sandbox().run('completion bash');
    expect(stdout).toMatch(/^# completion of ca for bash\n/);
    expect(await new Sandbox().json('completion bash')).toEqual({ shell: 'bash', script: stdout });
  });
});

describeWith('bash')('ca completion (with bash)', () => {
  it('completes in the shell itself', async () => {
    const sandbox = await withProgram();
    const script = `
      source <(ca completion bash)
      COMP_WORDS=(ca --home "$CA_HOME" revoke b); COMP_CWORD=4; _ca ca; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(ca ledger ""); COMP_CWORD=2; _ca ca; echo "\${COMPREPLY[@]}"
      complete -p ca`;
    const output = execFileSync('bash', ['-c', script], {
      ...childLimits,
      encoding: 'utf8',
      env: environmentOf(sandbox),
    });
    expect(output).toBe('billing\nverify head export adopt\ncomplete -o default -F _ca ca\n');
  });
});

describeWith('zsh')('ca completion (with zsh)', () => {
  it('is a script that the shell can read', async () => {
    const { stdout } = await new Sandbox().run('completion zsh');
    execFileSync('zsh', ['-n'], { ...childLimits, input: stdout });
  });
});

describeWith('fish')('ca completion (with fish)', () => {
  it('completes in the shell itself', async () => {
    const sandbox = await withProgram();
    const script = `
      ca completion fish | source
      complete -C "ca --home $CA_HOME revoke b"
      complete -C "ca ledger " | string replace --regex "\\t.*" ""`;
    // From a file: fish 3.6 reads no script from the socket that Node gives it as standard input.
    const output = execFileSync('fish', ['--no-config', sandbox.write('script.fish', script)], {
      ...childLimits,
      encoding: 'utf8',
      env: environmentOf(sandbox),
    });
    expect(output).toBe('billing\tclient\nadopt\nexport\nhead\nverify\n');
  });
});

/** A home with a client, and the program `ca` beside it. */
async function withProgram(): Promise<Sandbox> {
  const sandbox = new Sandbox();
  await sandbox.init();
  await sandbox.run('issue billing');
  sandbox.write('ca', `#!/bin/sh\nexec '${process.execPath}' '${shippedCli}' "$@"\n`);
  chmodSync(sandbox.path('ca'), 0o755);
  return sandbox;
}

function environmentOf({ directory, home }: Sandbox): Record<string, string> {
  return { PATH: `${directory}:${process.env['PATH']}`, HOME: directory, CA_HOME: home };
}
