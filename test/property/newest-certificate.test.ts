import fc from 'fast-check';
import { expect, it } from 'vitest';
import { latestCertificate, newestCertificate, newestOf } from '../../src/authority/issue-plan.ts';
import { foldBodies, histories } from '../support/ledger-histories.ts';

it('the newest certificate that is looked for from the end is the newest of all, whatever was adopted', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (bodies) => {
      const state = foldBodies(bodies, new Date(0));
      const clients = new Set(bodies.flatMap((body) => (body.type === 'issued' ? [body.client] : [])));
      for (const client of clients) {
        const all = await state.certificatesOf(client);
        expect(await newestCertificate(state, client)).toEqual(newestOf(all));
        expect(await latestCertificate(state, client)).toEqual(
          newestOf(all.filter(({ revocation }) => !revocation)),
        );
      }
    }),
  );
});
