import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

describe('ca ledger', () => {
  it('verifies the record and exports it as one document', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    expect(await sandbox.json('ledger verify')).toEqual({
      entries: 5,
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
      certificates: 1,
      revocations: 0,
      heads: [
        { file: sandbox.path('home/crl/ledger.head'), seq: 2, time: '2026-11-22T09:30:00Z', extended: true },
        { file: sandbox.path('home/ledger.head'), seq: 5, time: '2026-11-22T09:30:00Z', extended: true },
      ],
      findings: [],
    });
    const { head, entries } = await sandbox.json<{ head: { seq: number }; entries: unknown[] }>(
      'ledger export',
    );
    expect(head).toMatchObject({ seq: 5, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const lines = sandbox.read('home', 'ledger', '00000001.jsonl').trim().split('\n');
    expect(entries).toEqual(lines.map((line) => JSON.parse(line)));
  });

  it('answers no for a record that was changed', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    const ledger = 'home/ledger/00000001.jsonl';
    sandbox.write(ledger, sandbox.read(ledger).replace('"client":"billing"', '"client":"bolling"'));
    const { exitCode, stdout } = await sandbox.run('ledger verify');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^the ledger is not whole: 1 finding\n {2}.*00000001\.jsonl/);
  });
});
