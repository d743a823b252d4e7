import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../../../../docs/conformance.md', import.meta.url));

const head = (versions) => `# Conformance

\`tests/clients/conformance.test.mjs\` generates this page by testing \`plantain dev\`. \`make docs\` updates it, and
\`make test\` fails when it is outdated. Where a protocol leaves a choice to the server, the rule states the choice of
the gateway.

| protocol | defined by |
| --- | --- |
| GraphQL over HTTP, audits | \`serverAudits\` of the npm package graphql-http ${versions['graphql-http']} |
| GraphQL over HTTP, draft | the draft of August 2026, with \`PLANTAIN_HTTP_PROFILE=draft\` |
| WebSockets | PROTOCOL.md of the npm package graphql-ws ${versions['graphql-ws']} |
| Server-sent events | PROTOCOL.md of the npm package graphql-sse ${versions['graphql-sse']}, distinct connections mode |
| Multipart subscriptions | Apollo's multipart HTTP protocol for subscriptions, 1.0 |
| Automatic persisted queries | Apollo's extension \`persistedQuery\`, version 1 |
`;

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function table({ title, findings }) {
  const held = findings.filter(({ result }) => result === '✓').length;
  const rows = findings.map(({ text, result }) => `| ${cell(text)} | ${cell(result)} |`);
  const heading = `## ${title}: ${held} of ${findings.length}`;
  return [heading, '', '| rule | result |', '| --- | --- |', ...rows, ''].join('\n');
}

/** Reads the version from the file: the `exports` of a package may hide package.json from `import`. */
async function versionOf(name) {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(await readFile(manifest, 'utf8')).version;
}

/** Compares docs/conformance.md with the results, or writes it when PLANTAIN_WRITE_DOCS is set. */
export async function checkDocument(tables) {
  const names = ['graphql-http', 'graphql-ws', 'graphql-sse'];
  const versions = {};
  for (const name of names) versions[name] = await versionOf(name);
  const text = [head(versions), ...tables.map(table)].join('\n');
  if (process.env.PLANTAIN_WRITE_DOCS) {
    await writeFile(file, text);
    return;
  }
  const present = await readFile(file, 'utf8').catch(() => '');
  assert.ok(present === text, 'docs/conformance.md is outdated; run `make docs`');
}
