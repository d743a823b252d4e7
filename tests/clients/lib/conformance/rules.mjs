import { after, before, describe, test } from 'node:test';
import { startGateway } from '../gateway.mjs';

const limit = { timeout: 120_000 };

/**
 * Checks every rule of a protocol against a gateway of its own, each rule as a user of its own.
 *
 * A rule is a sentence and a function that throws when it does not hold. Rules run beside each other, to wait only once
 * for what takes its time; `last` ones come after them.
 */
export function checkRules({ title, settings, rules, last = [] }) {
  const texts = [...rules, ...last].map(([text]) => text);
  return describeFindings(title, settings, texts, (gateway, findings) => {
    const check = ([text, holds], index) =>
      test(text, limit, (t) =>
        record(findings[index], async () => {
          // It becomes part of tokens and documents.
          const user = `${title} ${index}`.replace(/\W+/g, '-');
          await holds({ t, gateway: gateway(), user, token: await gateway().token(user) });
        }),
      );
    describe('rules that do not disturb each other', { concurrency: 6 }, () => rules.forEach(check));
    last.forEach((rule, index) => check(rule, rules.length + index));
  });
}

/** Declares tests about a gateway that runs meanwhile, and returns what will have been found. */
export function describeFindings(title, settings, texts, declare) {
  const findings = texts.map((text) => ({ text, result: '✗ was not checked' }));
  describe(title, () => {
    let gateway;
    before(async () => (gateway = await startGateway(settings)), limit);
    after(() => gateway?.stop(), limit);
    declare(() => gateway, findings);
  });
  return { title, findings };
}

/** Notes whether it holds, also when it does not. */
export async function record(finding, holds) {
  try {
    await holds();
    finding.result = '✓';
  } catch (error) {
    finding.result = `✗ ${explain(error)}`;
    throw error;
  }
}

/** One line: what the assertion says, or what it compared. */
function explain(error) {
  if (!error.generatedMessage) return error.message.split('\n')[0];
  return `expected ${JSON.stringify(error.expected)}, got ${JSON.stringify(error.actual)}`;
}
