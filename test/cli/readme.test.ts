import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/authority/settings.ts';
import { errorCodes } from '../../src/core/ca-error.ts';
import { childLimits } from '../support/run-cli.ts';

const root = new URL('../..', import.meta.url).pathname;
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'private-ca-readme-')));
const bin = join(directory, 'bin');
const work = join(directory, 'work');
const home = join(directory, 'ca');

describe('README', () => {
  mkdirSync(bin);
  mkdirSync(work);
  writeFileSync(
    join(bin, 'ca'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/ca.cjs')}' "$@"\n`,
    { mode: 0o755 },
  );
  afterAll(() => rmSync(directory, { recursive: true }));

  const steps = consoleSteps(readme);

  it('has a tour of five commands', () => {
    expect(steps).toHaveLength(5);
  });

  it.each(steps)('ends well, and prints what it says after: $command', ({ command, output }) => {
    const { exitCode, text } = shell(command);
    expect(normalize(text)).toBe(normalize(output));
    expect(exitCode).toBe(0);
  });

  it('starts with two commands: the first does what the tour begins with, the second is the tests', () => {
    const [first = '', second] = /```sh\n([\s\S]*?)\n```/.exec(readme)?.[1]?.split('\n') ?? [];
    const [install, ...commands] = first.split(' && ');
    expect(install).toBe('npm ci');
    expect(commands).toHaveLength(2);
    for (const [index, command] of commands.entries()) {
      expect(command).toMatch(/^npx ca /);
      const { exitCode, text } = shell(command.replace(/^npx /, ''));
      expect(nameHome(normalize(text))).toBe(nameHome(normalize(steps[index]?.output ?? '')));
      expect(exitCode).toBe(0);
    }
    expect(shell('ca list --home ./demo').text).toContain('billing');
    expect(second).toBe('npm ci && npm test');
  });

  it('has a line for cron that goes through, and says nothing', () => {
    const [, line = ''] = /```crontab\n(?:\S+ +){5}(.*)\n```/.exec(readme) ?? [];
    expect(line).toMatch(
      /^ca renew .*--home \/srv\/ca --passphrase-file \/etc\/ca\/passphrase --jitter 10m$/,
    );
    const passphrase = join(directory, 'passphrase');
    writeFileSync(passphrase, 'correct horse battery\n', { mode: 0o600 });
    const encrypted = `--home ./encrypted --passphrase-file ${passphrase}`;
    expect(
      shell(`ca init --quiet --name A ${encrypted} && ca issue --quiet billing ${encrypted}`).exitCode,
    ).toBe(0);
    const here = line
      .replace('/srv/ca', './encrypted')
      .replace('/etc/ca/passphrase', passphrase)
      .replace('--jitter 10m', '--jitter 1s');
    expect(shell(here)).toEqual({ exitCode: 0, text: '' });
  });

  it('gives the exit codes that the help gives', () => {
    const [, table = ''] = /## Exit codes\n([\s\S]*?)\n## /.exec(readme) ?? [];
    const codes = [...table.matchAll(/^\| (\d+) /gm)].map(([, code]) => code);
    const [, told = ''] = /Exit codes: ([\s\S]*)/.exec(shell('ca --help').text) ?? [];
    expect(codes).toEqual(told.match(/\b\d+\b/g));
  });

  it('names only options that the command has', () => {
    const rows = [...readme.matchAll(/^\| `ca ([a-z]+)` (.*?) \|(?! `)/gm)];
    expect(rows.length).toBeGreaterThan(10);
    for (const [, command, text = ''] of rows) {
      const parts = command === 'ledger' ? ['verify', 'head', 'adopt'] : [];
      const { text: help } = shell(['', ...parts].map((part) => `ca ${command} ${part} --help`).join(';'));
      for (const [option] of text.matchAll(/--[a-z0-9-]+/g)) expect(help, `ca ${command}`).toContain(option);
    }
  });

  it('lists every error code', () => {
    const listed = [...readme.matchAll(/^\| `([a-z0-9]+\/[a-z-]+)`/gm)].map(([, code]) => code);
    expect(listed.sort()).toEqual([...errorCodes].sort());
  });

  it('lists every command', () => {
    const { text: help } = shell('ca --help');
    const commands = [...help.matchAll(/^ {2}([a-z]+)(?:\|\w+)? /gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) expect(readme).toMatch(new RegExp(`^\\| \`ca ${command}\\b`, 'm'));
  });

  it('lists every setting', () => {
    const schema = JSON.parse(settingsSchema()) as { properties: Record<string, { properties?: object }> };
    for (const [key, value] of Object.entries(schema.properties)) {
      const nested = Object.keys(value.properties ?? {}).map((name) => `${key}.${name}`);
      for (const name of nested.length > 0 ? nested : [key]) expect(readme).toContain(`\`${name}\``);
    }
  });

  it('names only files that are there', () => {
    const named = [...readme.matchAll(/`((?:src|test|bin)\/[a-z0-9/.-]+?)\/?`/g)].map(
      ([, path = '']) => path,
    );
    expect(named.length).toBeGreaterThan(8);
    for (const path of named)
      expect(() => execFileSync('test', ['-e', join(root, path)]), path).not.toThrow();
  });
});

/** Commands and what they print, from the README's console blocks, in order. */
function consoleSteps(text: string): { command: string; output: string }[] {
  const blocks = [...text.matchAll(/```console\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...output] = step.split(/(?<!\\)\n/);
        return { command, output: output.join('\n') };
      }),
  );
}

function shell(command: string): { exitCode: number | null; text: string } {
  const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
  const result = spawnSync('sh', ['-c', `${command} 2>&1`], {
    ...childLimits,
    cwd: work,
    encoding: 'utf8',
    env: { ...environment, PATH: `${bin}:${process.env['PATH']}`, CA_HOME: home, NO_COLOR: '1', TZ: 'UTC' },
  });
  return { exitCode: result.status, text: result.stdout };
}

/** Text without what differs from run to run: serials and hashes, dates, paths; runs of spaces count as one. */
function normalize(text: string): string {
  return text
    .replaceAll(home, '/srv/ca')
    .replace(/\b([0-9a-f]{2}:){7,}[0-9a-f]{2}\b|\b[0-9a-f]{12,}\b/gi, '<hex>')
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)?/g, '<time>')
    .replace(/\b\d{4}-\d\d-\d\d\b/g, '<day>')
    .replace(/\b\d{13}\b/g, '<number>')
    .replace(/\b\d+ (days|hours|minutes|seconds)\b|\b\d+[ydhms]\b/g, '<duration>')
    .replace(/[ \t]+/g, ' ')
    .trim();
}

/** Text in which it makes no difference where the home is, and whether its place was given as an option or as CA_HOME. */
function nameHome(text: string): string {
  return text.replaceAll(join(work, 'demo'), '/srv/ca').replaceAll(' --home /srv/ca', '');
}
