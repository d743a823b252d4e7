import { createContext, use, type ReactNode } from 'react';
import { CatalogDocument, type CatalogQuery } from '../../gql/graphql';
import { useInterval } from '../ui/useInterval';
import { useRefetchingQuery } from './useRefetchingQuery';

/** Models, providers and when their credits were checked. */
type Catalog = CatalogQuery;
export type Model = Catalog['models'][number];
export type Provider = Catalog['providers'][number];

const refreshIntervalMs = 30_000;
const emptyCatalog: Catalog = { models: [], providers: [], credits: { providers: [] } };
const CatalogContext = createContext<Catalog>(emptyCatalog);

/** No subscription covers the status of providers, so it is polled. */
export function CatalogProvider({ children }: { children: ReactNode }) {
  const [{ data }, refetch] = useRefetchingQuery(CatalogDocument, {});
  useInterval(refetch, refreshIntervalMs);
  return <CatalogContext value={data ?? emptyCatalog}>{children}</CatalogContext>;
}

export const useCatalog = () => use(CatalogContext);
