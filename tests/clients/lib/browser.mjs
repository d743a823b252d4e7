import { chromium } from 'playwright-core';

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * Opens a page in a new browser profile and records the hosts it contacts, its errors and its workers. `prepare` can
 * change the profile before the page opens.
 */
export async function openPage(browser, url, { prepare, ...profile } = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 860 }, ...profile });
  const seen = { hosts: new Set(), errors: [], workers: [] };
  const noteHost = (address) => {
    const { protocol, host } = new URL(address);
    if (!['data:', 'blob:'].includes(protocol)) seen.hosts.add(host);
  };
  context.on('request', (request) => noteHost(request.url()));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
      console.error(`blocked by ${effectiveDirective}: ${blockedURI}`),
    );
  });

  await prepare?.(context);

  const page = await context.newPage();
  page.on('websocket', (socket) => noteHost(socket.url()));
  page.on('worker', (worker) => seen.workers.push(worker.url()));
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') seen.errors.push(message.text());
  });
  await page.goto(url);
  return { page, seen };
}
