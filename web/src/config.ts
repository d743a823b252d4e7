import { fetchJson } from './http';
import { messages } from './messages';
import { gatewayUrl } from './paths';

const configPath = 'config.json';

export interface Example {
  name: string;
  query: string;
  variables: Record<string, unknown> | null;
}

export interface User {
  id: string;
  role: 'USER' | 'ADMIN';
  token: string;
}

export interface Config {
  /** Users that a developer can switch between. Empty outside development. */
  users: User[];
  examples: Example[];
}

export async function loadConfig(): Promise<Config> {
  const response = await fetchJson(gatewayUrl(configPath), { cache: 'no-store' });
  if (!response.ok) {
    throw new Error(messages.failed(configPath, response.status));
  }
  return response.json();
}
