import { GraphiQL } from 'graphiql';
import { useState } from 'react';
import type { Config } from '../config';
import { createFetcher } from './fetcher';
import { storage, storedTab } from './storage';
import { exampleTabs } from './tabs';

export function GraphiQLPage({ config }: { config: Config }) {
  const [props] = useState(() => {
    const headers = { authorization: `Bearer ${config.users[0]?.token ?? ''}` };
    const examples = exampleTabs(config.examples);
    // Without these, GraphiQL drops the variables of the tab it opens with, or opens that tab a second time.
    const tab = storedTab() ?? examples[0];
    return {
      fetcher: createFetcher(headers),
      defaultHeaders: JSON.stringify(headers, null, 2),
      defaultTabs: examples.length > 0 ? examples : undefined,
      initialQuery: tab && (tab.query ?? ''),
      initialVariables: tab && (tab.variables ?? ''),
      defaultEditorToolsVisibility: config.users.length === 0 ? ('headers' as const) : undefined,
    };
  });

  return (
    <GraphiQL
      {...props}
      storage={storage}
      // Never store tokens: they would outlive the gateway they were issued for. The history plugin would store them
      // too, so there are no plugins.
      shouldPersistHeaders={false}
      plugins={[]}
    />
  );
}
