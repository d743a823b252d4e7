import { createContext, use } from 'react';
import type { ViewerQuery } from '../../gql/graphql';

type Viewer = ViewerQuery['viewer'];

const ViewerContext = createContext<Viewer | null>(null);
export const ViewerProvider = ViewerContext.Provider;

export function useViewer(): Viewer {
  const viewer = use(ViewerContext);
  if (!viewer) throw new Error('useViewer must be used inside ViewerProvider.');
  return viewer;
}
