import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { faketime, stoppedClock } from '../../support/built-cli.ts';
import { FaultField } from '../../support/fault-field.ts';
import { describeWith } from '../../support/outside-program.ts';
import { childLimits, cliEnvironment, shippedCli } from '../../support/run-cli.ts';
import { Sandbox } from '../sandbox.ts';

const field = FaultField.withAuthority('--no-passphrase');
field.do('issue', 'billing');

describe('a reader that goes away', () => {
  it.each([
    'list | head -0',
    'list | true',
    'list --json | head -c 1',
    'ledger export | head -c 10',
    '--help | head -1',
    'show billing | true',
    'issue piped --again --out - | true',
  ])('makes no noise: ca %s', (pipe) => {
    const copy = field.copy();
    const script = `"$NODE" "$CA" ${pipe.replace(/ \|/, ' --home "$HOME_DIRECTORY" |')}; exit "\${PIPESTATUS[0]}"`;
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', script.replace('--help --home "$HOME_DIRECTORY"', '--help')],
      {
        ...childLimits,
        encoding: 'utf8',
        env: cliEnvironment({ NODE: process.execPath, CA: shippedCli, HOME_DIRECTORY: copy.home }),
      },
    );
    expect([status, stderr]).toEqual([0, '']);
  });

  it('or was never there: stdout is closed', () => {
    const { status, stderr } = spawnSync('sh', ['-c', '"$NODE" "$CA" list --home "$HOME_DIRECTORY" >&-'], {
      ...childLimits,
      encoding: 'utf8',
      env: cliEnvironment({ NODE: process.execPath, CA: shippedCli, HOME_DIRECTORY: field.home }),
    });
    expect(status).not.toBe(70);
    expect(stderr).not.toContain('internal error');
  });
});

describe('a certificate that is to be printed', () => {
  it.each(['', ' --json'])('onto a full disk is not counted as delivered: ca issue --out -%s', (json) => {
    const copy = field.copy();
    const command = `"$NODE" "$CA" issue printed --out - --home "$HOME_DIRECTORY"${json} >/dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command], {
      ...childLimits,
      encoding: 'utf8',
      env: cliEnvironment({ NODE: process.execPath, CA: shippedCli, HOME_DIRECTORY: copy.home }),
    });
    expect([status, copy.normalize(stderr)]).toEqual([
      3,
      'ca: cannot write standard output: the disk is full\n  hint: certificate <serial> is on record; when this is mended, deliver it with: ca issue printed --again\n',
    ]);
    expect(JSON.parse(copy.run(['status', '--json']).stdout).problems).toEqual([
      expect.stringMatching(
        /^printed: certificate \w+ may have been lost before it was printed; run: ca issue printed --again$/,
      ),
    ]);
    copy.do('issue', 'printed', '--again');
    expect(copy.do('status').problems).toEqual([]);
  });

  it.each([
    [[], /^-----BEGIN PRIVATE KEY-----/],
    [['--json'], /^\{\n {2}"client": "printed"/],
  ])('is printed whole when the record fails after it, which stderr says: %j', async (flags, printed) => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const onOutput = () => renameSync(sandbox.path('home', 'ledger'), sandbox.path('home', 'gone'));
    const words = ['issue', 'printed', '--out', '-', ...flags];
    const { exitCode, stdout, stderr } = await sandbox.run(words, { onOutput });
    expect([exitCode, stdout, stderr]).toEqual([
      3,
      expect.stringMatching(printed),
      expect.stringMatching(/^ca: .*\n {2}hint: certificate \w+ is on record; .*ca issue printed --again\n$/),
    ]);
    if (flags.length > 0) expect(JSON.parse(stdout)).toMatchObject({ client: 'printed' });
  });
});

describeWith('faketime')('a clock that was set back (with faketime)', () => {
  const through = faketime(new Date(Date.now() - 3_600_000));
  const env = { FAKETIME_DONT_FAKE_MONOTONIC: '1' };

  it.each(['issue orders', 'revoke billing', 'crl', 'renew'])('is refused by ca %s', (command) => {
    // It is run twice, and both say how far behind the clock is, to the second.
    const stopped = stoppedClock(new Date(Date.now() - 3_600_000));
    const said = field.refusal(command.split(' '), { through: stopped, env });
    expect(said.replace(/\d+m/, '<N>m')).toMatch(
      /^exit 3, ledger\/clock-behind\nthe clock says <time>, .* before the last entry of the ledger \(<time>\)\nhint: set the clock; if it is right and the entry was made with a wrong one, run the command again with --yes$/,
    );
  });

  it('is told by ca status, and keeps nobody from reading', () => {
    const { exitCode, stdout } = field.run(['status', '--json'], { through, env });
    expect([exitCode, JSON.parse(stdout).problems]).toEqual([
      1,
      [expect.stringContaining('the clock is behind the last entry')],
    ]);
    expect(field.run(['list'], { through, env }).exitCode).toBe(0);
  });

  it('is taken for right with --yes', () => {
    const copy = field.copy();
    expect(copy.run(['issue', 'orders', '--yes'], { through, env }).exitCode).toBe(0);
    expect(copy.run(['crl', '--yes'], { through, env }).exitCode).toBe(0);
    copy.do('ledger', 'verify');
  });

  it('may be behind by a few minutes, as after a time server’s correction', () => {
    const copy = field.copy();
    const minutes = faketime(new Date(Date.now() - 120_000));
    expect(copy.run(['issue', 'orders'], { through: minutes, env }).exitCode).toBe(0);
    copy.do('ledger', 'verify');
  });
});

describe('a hook', () => {
  const withHook = (hook: string) => {
    const copy = field.copy();
    writeFileSync(copy.path('home/ca.json'), JSON.stringify({ version: 1, hookTimeout: '1s' }));
    return {
      copy,
      run: copy.run(['issue', 'orders', '--hook', hook], { env: { CA_PASSPHRASE: 'the CA passphrase' } }),
    };
  };

  it('that fails is told with its output, and tried again by ca renew until it works', () => {
    const { copy, run } = withHook('echo no route to host >&2; test -e mended');
    expect([run.exitCode, run.stdout, copy.normalize(run.stderr)]).toMatchInlineSnapshot(`
      [
        3,
        "",
        "ca: the hook of orders exited 1; it printed: no route to host
        hint: mend the hook; ca renew runs it again
      ",
      ]
    `);
    expect(copy.do('list', '--client', 'orders')).toMatchObject([{ status: 'active' }]);
    const renewed = copy.run(['renew', '--json']);
    expect(renewed.exitCode).toBe(1);
    expect(JSON.parse(renewed.stdout).failed).toMatchObject([
      { client: 'orders', code: 'authority/hook-failed', hint: expect.any(String) },
    ]);
    expect(copy.run(['status']).exitCode).toBe(1);
    writeFileSync(copy.path('mended'), '');
    expect(copy.do('renew').delivered).toMatchObject([{ client: 'orders' }]);
    copy.do('status');
  });

  it('that hangs is stopped, with all that it started', () => {
    const { copy, run } = withHook('trap "" TERM; sleep 60 & echo $! > pid; sleep 60; true');
    // What takes longer than a second is told: here that is the same second.
    const said = copy.normalize(run.stderr).replace('ca: running the hook …\n', '');
    expect([run.exitCode, said]).toMatchInlineSnapshot(`
      [
        3,
        "ca: the hook of orders was stopped after 1 s; it printed nothing
        hint: mend the hook; ca renew runs it again
      ",
      ]
    `);
    const child = readFileSync(copy.path('pid'), 'utf8').trim();
    // Dead, and perhaps not yet reaped by the machine's first process.
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', child], { encoding: 'utf8' });
    expect(stdout).toMatch(/^(Z.*)?\s*$/);
  });

  it('gets neither passphrase nor key, and cannot paint the terminal', () => {
    const { copy, run } = withHook(
      'printf "\\033[31mpass=%s file=%s key=%s\\n" "$CA_PASSPHRASE" "$CA_PASSPHRASE_FILE" "$(env | grep -c "PRIVATE KEY-----")"; exit 3',
    );
    expect(copy.normalize(run.stderr)).toMatchInlineSnapshot(`
      "ca: the hook of orders exited 3; it printed: \\u{1b}[31mpass= file= key=0
        hint: mend the hook; ca renew runs it again
      "
    `);
  });

  it('gets its facts as variables: no name is ever a command', () => {
    const { copy, run } = withHook('printf "%s %s" "$CA_CLIENT" "$CA_SERIAL" > facts');
    expect(run.exitCode).toBe(0);
    expect(copy.normalize(readFileSync(copy.path('facts'), 'utf8'))).toBe('orders <serial>');
  });

  it('that prints without end is cut short', () => {
    const { run } = withHook('yes | head -c 10000000; exit 1');
    expect(run.exitCode).toBe(3);
    expect(run.stderr.length).toBeLessThan(8000);
  });

  it('after a CRL that fails is told, and the CRL is published', () => {
    const copy = field.copy();
    writeFileSync(
      copy.path('home/ca.json'),
      JSON.stringify({ version: 1, crl: { hook: 'echo reload failed; exit 1' } }),
    );
    const { exitCode, stderr } = copy.run(['revoke', 'billing']);
    expect([exitCode, copy.normalize(stderr)]).toMatchInlineSnapshot(`
      [
        3,
        "ca: revoked billing, and the CRL is published, but the CRL hook exited 1; it printed: reload failed
        hint: mend this: ca renew tries it again
      ",
      ]
    `);
    const status = copy.run(['status', '--json']);
    expect([status.exitCode, JSON.parse(status.stdout)]).toMatchObject([
      1,
      {
        crl: { state: 'fresh', entries: 1 },
        problems: [expect.stringContaining('crl.hook has not gone through')],
      },
    ]);
  });
});
