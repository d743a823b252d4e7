import { after, before, describe, test } from 'node:test';
import { startGateway } from '../gateway.mjs';

const limit = { timeout: 120_000 };

/**
 * Checks the rules of a protocol against a new gateway, each rule as a new user.
 *
 * A rule is a sentence and a function that throws when the rule does not hold. The rules run concurrently because many
 * of them wait; the `last` rules run after all others.
 */
export function checkRules({ title, settings, rules, last = [] }) {
  const texts = [...rules, ...last].map(([text]) => text);
  return describeFindings(title, settings, texts, (gateway, findings) => {
    const check = ([text, holds], index) =>
      test(text, limit, (t) =>
        record(findings[index], async () => {
          // The user name becomes part of tokens and documents.
          const user = `${title} ${index}`.replace(/\W+/g, '-');
          await holds({ t, gateway: gateway(), user, token: await gateway().token(user) });
        }),
      );
    describe('concurrent rules', { concurrency: 6 }, () => rules.forEach(check));
    last.forEach((rule, index) => check(rule, rules.length + index));
  });
}

/** Declares tests against a running gateway, and returns the findings, which the tests fill in. */
export function describeFindings(title, settings, texts, declare) {
  const findings = texts.map((text) => ({ text, result: '✗ not checked' }));
  describe(title, () => {
    let gateway;
    before(async () => (gateway = await startGateway(settings)), limit);
    after(() => gateway?.stop(), limit);
    declare(() => gateway, findings);
  });
  return { title, findings };
}

/** Stores the result of a rule in its finding, and rethrows a failure. */
export async function record(finding, holds) {
  try {
    await holds();
    finding.result = '✓';
  } catch (error) {
    finding.result = `✗ ${explain(error)}`;
    throw error;
  }
}

/** Returns one line: the message of the assertion, or the values that it compared. */
function explain(error) {
  if (!error.generatedMessage) return error.message.split('\n')[0];
  return `expected ${JSON.stringify(error.expected)}, got ${JSON.stringify(error.actual)}`;
}
