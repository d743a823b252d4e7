import assert from 'node:assert/strict';
import axe from 'axe-core';

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const narrowest = { width: 360, height: 640 };

// axe-core disables this rule of WCAG 2.2 by default.
const options = { rules: { 'target-size': { enabled: true } } };

/**
 * Fails if axe-core finds a violation on the page, or in the part of it that this selector finds, in the light desktop
 * layout or the dark phone layout.
 */
export async function assertAccessible(page, what, part = 'html') {
  await page.evaluate(axe.source);
  await page.setViewportSize(desktop);
  await page.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(await violations(page, part), [], `${what}, light, desktop`);
  await page.setViewportSize(phone);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await violations(page, part), [], `${what}, dark, phone`);

  await page.setViewportSize(narrowest);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, narrowest.width, `${what} is wider than a small phone`);
}

function violations(page, part) {
  return page.evaluate(async ({ options, part }) => {
    // The contrast cannot be measured while colors are animated.
    const ends = ({ effect }) => effect.getComputedTiming().iterations !== Infinity;
    await Promise.allSettled(document.getAnimations().filter(ends).map(({ finished }) => finished));
    const { violations } = await window.axe.run(part, options);
    return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]);
  }, { options, part });
}
