// The console of administrators: what a person on call looks for, and what that person does.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './console/accessible.mjs';
import { limit, until, useConsole } from './console/console.mjs';
import { createFinishedTask, submitTask, waitForTask } from './console/create-page.mjs';

const folder = process.env.PLANTAIN_WRITE_DOCS ? 'docs' : 'target';
const console = useConsole({ PLANTAIN_USER_QUOTA: '1000' });

/** A user with the role ADMIN. */
async function newOperator(name) {
  const token = await console.gateway.token(name, 3600, 'admin');
  return { id: name, role: 'ADMIN', token, graphql: (query, variables) => console.gateway.graphql(token, query, variables) };
}

const screenshot = async (page, name) => {
  await mkdir(new URL(`../../${folder}`, import.meta.url), { recursive: true });
  const path = fileURLToPath(new URL(`../../${folder}/operate-${name}.jpg`, import.meta.url));
  await page.setViewportSize({ width: 1280, height: 1000 });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.screenshot({ path, type: 'jpeg', quality: 80 });
};

const confirm = async (page, name) => {
  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: name.split(' ')[0], exact: true }).click();
};

test('the sidebar shows the page to administrators only', limit, async (t) => {
  const user = await console.newUser();
  const page = await console.open(t, user, '/#/operate');
  await page.getByText('This page is for administrators.').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Operate' }).count(), 0);
  const admin = await console.open(t, await newOperator('sidebar'));
  await admin.getByRole('link', { name: 'Operate' }).click();
  await admin.getByRole('heading', { level: 1, name: 'Operate' }).waitFor();
});

test('a person on call finds who waits and why, pauses and resumes, refunds, and sees all of it in the log', limit, async (t) => {
  const ana = await console.newUser('ana');
  const operator = await newOperator('olga');
  const finished = await createFinishedTask(ana, 'a lighthouse');
  await createFinishedTask(ana, 'a cat [sim:policy]');

  const page = await console.open(t, operator, '/#/operate');
  await page.getByRole('heading', { name: 'Success and duration by model' }).waitFor();
  await page.getByRole('rowheader', { name: 'nano-banana' }).waitFor();

  await confirm(page, 'Pause NanoBanana');
  await page.getByText('Paused by an operator').waitFor();
  const waiting = await submitTask(ana, 'a boat', { model: 'nano-banana' });
  await page.getByText(/Calls in its queue: 1/).waitFor();
  await assertAccessible(page, 'live');
  await screenshot(page, 'live');

  // Whose tasks wait longest, and why.
  await page.getByRole('link', { name: 'Tasks', exact: true }).click();
  await page.getByLabel('Status').selectOption('Queued');
  await page.getByLabel('Oldest first').check();
  await page.getByRole('cell', { name: 'ana', exact: true }).waitFor();
  await assertAccessible(page, 'tasks');
  await screenshot(page, 'tasks');
  await page.getByRole('link', { name: waiting.slice(0, 17) }).click();
  await page.getByRole('heading', { name: waiting }).waitFor();
  await page.getByText('Call 1 to NanoBanana').waitFor();
  await assertAccessible(page, 'task');

  await page.getByRole('link', { name: 'Live' }).click();
  await confirm(page, 'Resume NanoBanana');
  await until('expected the queued task to finish', () => waitForTask(ana, waiting), ({ status }) => status === 'SUCCEEDED');
  await confirm(page, 'Drain NanoBanana');
  await page.getByText('Draining', { exact: true }).waitFor();
  await confirm(page, 'Resume NanoBanana');
  await page.getByRole('button', { name: 'Drain NanoBanana' }).waitFor();

  // What happened to a task, with the callback of the provider.
  await page.goto(`${console.gateway.url}/#/operate/tasks/${finished.id}`);
  await page.getByText('Callback received').waitFor();
  await page.getByText('resultImageUrl').first().waitFor();
  await screenshot(page, 'task');

  // Give back the credits of what succeeded: first the count, then the act.
  await page.getByRole('link', { name: 'Tasks', exact: true }).click();
  await page.getByLabel('User ID').fill('ana');
  await page.getByLabel('Status').selectOption('Succeeded');
  await page.getByLabel('All of them:').selectOption('Refund');
  await page.getByRole('button', { name: 'Count' }).click();
  await page.getByText('Tasks that can be changed: 2 (8 credits).').waitFor();
  await confirm(page, 'Refund 2 tasks');
  await page.getByText('Changed tasks: 2.').waitFor();

  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByLabel('User ID').fill('ana');
  await page.getByRole('cell', { name: 'REFUND' }).first().waitFor();
  await assertAccessible(page, 'users');

  await page.getByRole('link', { name: 'Audit log' }).click();
  const log = page.getByRole('list', { name: 'Audit log' });
  await log.getByText('refundTasks').waitFor();
  const acts = (await log.getByRole('paragraph').allTextContents()).map((text) => text.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(acts, ['olga refundTasks', 'olga resumeProvider', 'olga pauseProvider', 'olga resumeProvider', 'olga pauseProvider']);
  await assertAccessible(page, 'audit log');
  await screenshot(page, 'audit');
});
