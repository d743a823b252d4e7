import assert from 'node:assert/strict';
import axe from 'axe-core';

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const narrowest = { width: 360, height: 640 };

// Off unless asked for, though WCAG 2.2 has it.
const options = { rules: { 'target-size': { enabled: true } } };

/** Fails unless axe-core finds nothing in what the page shows, in light at a desk and in the dark on a phone. */
export async function assertAccessible(page, what) {
  await page.evaluate(axe.source);
  await page.setViewportSize(desktop);
  await page.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(await violations(page), [], `${what}, light, at a desk`);
  await page.setViewportSize(phone);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await violations(page), [], `${what}, dark, on a phone`);

  await page.setViewportSize(narrowest);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, narrowest.width, `${what} is wider than a small phone`);
}

function violations(page) {
  return page.evaluate(async (options) => {
    // Colours that are still on their way have no contrast to speak of.
    const ends = ({ effect }) => effect.getComputedTiming().iterations !== Infinity;
    await Promise.allSettled(document.getAnimations().filter(ends).map(({ finished }) => finished));
    const { violations } = await window.axe.run(options);
    return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]);
  }, options);
}
