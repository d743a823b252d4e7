import { test } from 'node:test';
import { runAudits } from './lib/conformance/audits.mjs';
import { boundsRules } from './lib/conformance/bounds.mjs';
import { checkDocument } from './lib/conformance/document.mjs';
import { draftRules, draftSettings } from './lib/conformance/draft.mjs';
import { httpRules } from './lib/conformance/http-edges.mjs';
import { multipartRules, multipartSettings } from './lib/conformance/multipart.mjs';
import { persistedRules } from './lib/conformance/persisted.mjs';
import { checkRules } from './lib/conformance/rules.mjs';
import { sseRules, sseSettings } from './lib/conformance/sse.mjs';
import { trustedRules, trustedSettings } from './lib/conformance/trusted.mjs';
import { connectionRules } from './lib/conformance/websocket-connection.mjs';
import { farewellRules, keepAliveRules } from './lib/conformance/websocket-keepalive.mjs';
import { limitRules, socketSettings } from './lib/conformance/websocket-limits.mjs';
import { operationRules } from './lib/conformance/websocket-operations.mjs';

const tables = [
  runAudits('GraphQL over HTTP, audited'),
  checkRules({ title: 'GraphQL over HTTP', rules: httpRules }),
  checkRules({ title: 'GraphQL over HTTP, drafted', settings: draftSettings, rules: draftRules }),
  checkRules({
    title: 'WebSockets',
    settings: socketSettings,
    rules: [...connectionRules, ...operationRules, ...keepAliveRules, ...limitRules],
    last: farewellRules,
  }),
  checkRules({ title: 'Server-sent events', settings: sseSettings, rules: sseRules }),
  checkRules({ title: 'Multipart subscriptions', settings: multipartSettings, rules: multipartRules }),
  checkRules({ title: 'Automatic persisted queries', rules: persistedRules }),
  checkRules({ title: 'Trusted documents', settings: await trustedSettings(), rules: trustedRules }),
  checkRules({ title: 'Bounds', rules: boundsRules }),
];

test('docs/conformance.md says what this run found', () => checkDocument(tables));
