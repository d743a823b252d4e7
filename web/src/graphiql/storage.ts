import type { Storage } from '@graphiql/toolkit';

/** Ports are reused: this prefix separates our tabs from those of another GraphiQL at the same address. */
const prefix = 'plantain:';

const ownKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));

export const storage: Storage = {
  getItem: (key) => localStorage.getItem(prefix + key),
  setItem: (key, value) => localStorage.setItem(prefix + key, value),
  removeItem: (key) => localStorage.removeItem(prefix + key),
  clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
  get length() {
    return ownKeys().length;
  },
};

interface StoredTab {
  query: string | null;
  variables: string | null;
}

export function storedTab(): StoredTab | undefined {
  try {
    const { tabs, activeTabIndex } = JSON.parse(storage.getItem('graphiql:tabState') ?? '{}');
    return tabs?.[activeTabIndex];
  } catch {
    return undefined;
  }
}
