import { test } from 'node:test';
import { runAudits } from './lib/conformance/audits.mjs';
import { checkDocument } from './lib/conformance/document.mjs';
import { draftRules, draftSettings } from './lib/conformance/draft.mjs';
import { httpRules } from './lib/conformance/http-rules.mjs';
import { multipartRules, multipartSettings } from './lib/conformance/multipart.mjs';
import { operationLimitRules } from './lib/conformance/operation-limits.mjs';
import { persistedRules } from './lib/conformance/persisted.mjs';
import { checkRules } from './lib/conformance/rules.mjs';
import { sseRules, sseSettings } from './lib/conformance/sse.mjs';
import { trustedRules, trustedSettings } from './lib/conformance/trusted.mjs';
import { connectionRules } from './lib/conformance/websocket-connection.mjs';
import { shutdownRules, keepAliveRules } from './lib/conformance/websocket-keepalive.mjs';
import { limitRules, socketSettings } from './lib/conformance/websocket-limits.mjs';
import { operationRules } from './lib/conformance/websocket-operations.mjs';

const tables = [
  runAudits('GraphQL over HTTP, audits'),
  checkRules({ title: 'GraphQL over HTTP', rules: httpRules }),
  checkRules({ title: 'GraphQL over HTTP, draft', settings: draftSettings, rules: draftRules }),
  checkRules({
    title: 'WebSockets',
    settings: socketSettings,
    rules: [...connectionRules, ...operationRules, ...keepAliveRules, ...limitRules],
    last: shutdownRules,
  }),
  checkRules({ title: 'Server-sent events', settings: sseSettings, rules: sseRules }),
  checkRules({ title: 'Multipart subscriptions', settings: multipartSettings, rules: multipartRules }),
  checkRules({ title: 'Automatic persisted queries', rules: persistedRules }),
  checkRules({ title: 'Trusted documents', settings: await trustedSettings(), rules: trustedRules }),
  checkRules({ title: 'Limits', rules: operationLimitRules }),
];

test('docs/conformance.md matches the results of this run', () => checkDocument(tables));
