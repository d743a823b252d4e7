import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverAudits } from 'graphql-http';
import { describeFindings, record } from './rules.mjs';

const limit = { timeout: 120_000 };

/** Runs the audits of the npm package graphql-http. Audits with SHOULD must pass as well. */
export function runAudits(title) {
  let url;
  const audits = serverAudits({ url: () => url });
  const texts = audits.map(({ id, name }) => `\`${id}\` ${name}`);
  return describeFindings(title, {}, texts, (gateway, findings) => {
    audits.forEach(({ id, name, fn }, index) =>
      test(`${id} ${name}`, limit, () =>
        record(findings[index], async () => {
          url = `${gateway().url}/graphql`;
          const { status, reason } = await fn();
          assert.equal(status, 'ok', `${status}: ${reason}`);
        }),
      ),
    );
  });
}
