import { createContext, use, type ReactNode } from 'react';
import { CatalogDocument, type CatalogQuery } from '../../gql/graphql';
import { useInterval } from '../ui/useInterval';
import { useRefetchingQuery } from './useRefetchingQuery';

/** What can be asked for right now, and how the providers are. */
type Catalog = CatalogQuery;
export type Model = Catalog['models'][number];
export type Provider = Catalog['providers'][number];

const refreshIntervalMs = 30_000;
const emptyCatalog: Catalog = { models: [], providers: [], credits: { providers: [] } };
const CatalogContext = createContext<Catalog>(emptyCatalog);

/** How a provider is, and when it was asked for its credits, is not pushed: it is looked up now and then, and when somebody comes back to the page. */
export function CatalogProvider({ children }: { children: ReactNode }) {
  const [{ data }, refetch] = useRefetchingQuery(CatalogDocument, {});
  useInterval(refetch, refreshIntervalMs);
  return <CatalogContext value={data ?? emptyCatalog}>{children}</CatalogContext>;
}

export const useCatalog = () => use(CatalogContext);
