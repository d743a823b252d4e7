import assert from 'node:assert/strict';
import axe from 'axe-core';

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const narrowest = { width: 360, height: 640 };

// Off unless asked for, though WCAG 2.2 has it.
const options = { rules: { 'target-size': { enabled: true } } };

/** Fails unless axe-core finds nothing in what the page shows, in light and dark, at a desk and on a phone. */
export async function assertAccessible(page, what) {
  await page.evaluate(axe.source);
  for (const viewport of [desktop, phone]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(page), [], `${what}, ${colorScheme}, ${viewport.width} pixels`);
    }
  }
  await page.setViewportSize(narrowest);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, narrowest.width, `${what} is wider than a small phone`);
  await page.setViewportSize(desktop);
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
