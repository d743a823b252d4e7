import { fetchJson } from './http';

export interface Example {
  name: string;
  query: string;
  variables: Record<string, unknown> | null;
}

export interface Config {
  /** A development token, or null where everybody brings their own. */
  token: string | null;
  examples: Example[];
}

export async function loadConfig(): Promise<Config> {
  const response = await fetchJson('/graphiql/config.json', { cache: 'no-store' });
  if (!response.ok) {
    throw new Error(`/graphiql/config.json answered ${response.status}.`);
  }
  return response.json();
}
